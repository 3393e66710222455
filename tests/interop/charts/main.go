// Charts and compose files, judged by the libraries of their own programs: Helm's linter and
// templates, the types of Kubernetes (a field that does not exist is an error), compose's loader.
//
//	charts lint DIR VALUES...      exit 1 and a line for each complaint
//	charts render DIR VALUES...    the manifests as YAML on standard output, each of them decoded
//	charts compose FILE            exit 1 if the file is not a compose file
//
// VALUES are files; later ones win.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// Kinds of the Prometheus operator, which are no part of Kubernetes.
var foreign = []string{"monitoring.coreos.com/"}

func values(files []string) (map[string]any, error) {
	merged := map[string]any{}
	for _, file := range files {
		read, err := chartutil.ReadValuesFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		merged = chartutil.CoalesceTables(read.AsMap(), merged)
	}
	return merged, nil
}

func checkLint(folder string, files []string) error {
	given, err := values(files)
	if err != nil {
		return err
	}
	linter := lint.AllWithKubeVersionAndSchemaValidation(folder, given, "keywright", nil, false)
	bad := false
	for _, message := range linter.Messages {
		if message.Severity >= support.WarningSev {
			fmt.Fprintln(os.Stderr, message.Error())
			bad = true
		}
	}
	if bad {
		return fmt.Errorf("the linter complains")
	}
	return nil
}

func checkManifest(text string) error {
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := yaml.Unmarshal([]byte(text), &head); err != nil {
		return err
	}
	for _, group := range foreign {
		if strings.HasPrefix(head.APIVersion, group) {
			return nil
		}
	}
	codecs := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict)
	if _, _, err := codecs.UniversalDeserializer().Decode([]byte(text), nil, nil); err != nil {
		if runtime.IsNotRegisteredError(err) {
			return fmt.Errorf("no such kind: %s %s", head.APIVersion, head.Kind)
		}
		return err
	}
	return nil
}

func render(folder string, files []string) error {
	chart, err := loader.Load(folder)
	if err != nil {
		return err
	}
	given, err := values(files)
	if err != nil {
		return err
	}
	options := chartutil.ReleaseOptions{Name: "keywright", Namespace: "keys", IsInstall: true}
	full, err := chartutil.ToRenderValues(chart, given, options, chartutil.DefaultCapabilities)
	if err != nil {
		return err
	}
	files2text, err := engine.Render(chart, full)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(files2text))
	for name := range files2text {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		for _, text := range releaseutil.SplitManifests(files2text[name]) {
			if err := checkManifest(text); err != nil {
				return fmt.Errorf("%s: %w\n%s", name, err, text)
			}
			fmt.Printf("---\n%s\n", strings.TrimSpace(text))
		}
	}
	return nil
}

func checkCompose(file string) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithOsEnv, cli.WithDotEnv)
	if err != nil {
		return err
	}
	_, err = options.LoadProject(context.Background())
	return err
}

func run(arguments []string) error {
	if len(arguments) < 2 {
		return fmt.Errorf("usage: charts lint|render|compose PATH [VALUES...]")
	}
	switch arguments[0] {
	case "lint":
		return checkLint(arguments[1], arguments[2:])
	case "render":
		return render(arguments[1], arguments[2:])
	case "compose":
		return checkCompose(arguments[1])
	}
	return fmt.Errorf("no such command: %s", arguments[0])
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
