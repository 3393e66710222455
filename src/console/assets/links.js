// The pages that single-use links open: set-up, invitation, password reset. The link's token stands
// behind the '#', so no server and no log has seen it; it is sent once, in the body of the request.
(() => {
  "use strict";

  const form = document.getElementById("form");
  for (const code of document.querySelectorAll("pre code")) {
    code.textContent = code.textContent.replaceAll("{origin}", location.origin);
  }
  if (!form) return;

  const notice = document.getElementById("problem");
  const done = document.getElementById("done");
  const button = form.querySelector("button");
  const inputs = [...form.querySelectorAll("input")];
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  history.replaceState(null, "", location.pathname);
  let waiting = false;

  const say = (text) => {
    notice.textContent = text;
  };
  const sayOf = (input, text) => {
    document.getElementById(`${input.id}-problem`).textContent = text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };

  if (!token) {
    form.hidden = true;
    say("This address is not complete: open the whole link again, with what stands behind the “#”.");
    return;
  }

  const ownProblem = (input) => {
    const { validity } = input;
    if (validity.valueMissing || (input.required && !input.value.trim())) return "This is needed.";
    if (validity.typeMismatch) return "This is not an e-mail address.";
    if (validity.tooShort || (input.minLength > 0 && [...input.value].length < input.minLength)) {
      return `At least ${input.minLength} characters.`;
    }
    return "";
  };

  const check = () => {
    let first = null;
    for (const input of inputs) {
      const text = ownProblem(input);
      sayOf(input, text);
      if (text && !first) first = input;
    }
    first?.focus();
    return !first;
  };

  const showRefusal = (status, problem) => {
    let first = null;
    for (const { field, message } of problem.errors ?? []) {
      const input = inputs.find((candidate) => candidate.name === field);
      if (!input) continue;
      sayOf(input, message);
      first ??= input;
    }
    if (first) {
      first.focus();
      return;
    }
    const again = status === 429 || status >= 500 ? " Try again in a moment." : "";
    say((problem.detail ?? `The server answered ${status}.`) + again);
    notice.tabIndex = -1;
    notice.focus();
  };

  const send = async () => {
    const body = { token };
    for (const input of inputs) {
      const value = input.type === "password" ? input.value : input.value.trim();
      if (value) body[input.name] = value;
    }
    const response = await fetch(form.dataset.action, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      credentials: "omit",
    });
    if (response.ok) {
      form.reset();
      form.hidden = true;
      document.getElementById("lead").hidden = true;
      done.hidden = false;
      done.focus();
      return;
    }
    showRefusal(response.status, await response.json().catch(() => ({})));
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    say("");
    if (waiting || !check()) return;
    waiting = true;
    button.setAttribute("aria-disabled", "true");
    try {
      await send();
    } catch {
      say("The server could not be reached. Nothing was changed, or it cannot be told: try again.");
    } finally {
      waiting = false;
      button.removeAttribute("aria-disabled");
    }
  });

  inputs[0].focus();
})();
