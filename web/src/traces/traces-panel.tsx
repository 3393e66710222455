export default function TracesPanel({ project }: { project: string }) {
  return <p>{project}</p>;
}
