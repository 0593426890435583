// Tells what a person does on a page: which fields were filled and what was clicked, by selectors that last. It runs in
// an isolated world from the start of each document. What is typed into a password or code field is never read.
(() => {
  const tell = (touch) => latchkeyTouched(JSON.stringify({ url: location.href, ...touch }));
  const plain = /^[A-Za-z_-][\w-]*$/;
  const written = (value) => (plain.test(value) ? value : `'${value.replace(/['\\]/g, "\\$&")}'`);
  // Frameworks number what they make: such a name is another one tomorrow.
  const lasts = (name) => name && name.length < 60 && !/\d{3,}|[0-9a-f]{8}|:/.test(name);

  const visible = (element) => element.getBoundingClientRect().width > 0 && element.checkVisibility({ visibilityProperty: true });
  const isOnly = (selector, element) => {
    const found = [...element.getRootNode().querySelectorAll(selector)].filter(visible);
    return found.length === 1 && found[0] === element;
  };

  const path = (element) => {
    const parts = [];
    for (let at = element; at && at.nodeType === Node.ELEMENT_NODE && at !== document.body; at = at.parentElement) {
      const same = at.parentElement ? [...at.parentElement.children].filter((each) => each.tagName === at.tagName) : [at];
      const place = same.length > 1 ? `:nth-of-type(${same.indexOf(at) + 1})` : "";
      parts.unshift(at.tagName.toLowerCase() + place);
    }
    return parts.join(" > ");
  };

  const selector = (element) => {
    const tag = element.tagName.toLowerCase();
    const candidates = [];
    for (const name of ["name", "id", "data-testid", "autocomplete", "type", "aria-label", "placeholder"]) {
      const value = element.getAttribute(name);
      if (!lasts(value) || (name === "autocomplete" && ["on", "off"].includes(value))) continue;
      candidates.push(name === "id" && plain.test(value) ? `#${value}` : `${tag}[${name}=${written(value)}]`);
    }
    if (tag === "button" && element.type === "submit") candidates.push("button[type=submit]", "form button");
    candidates.push(tag);
    return candidates.find((candidate) => isOnly(candidate, element)) ?? path(element);
  };

  const kind = (field) => {
    const hints = `${field.autocomplete} ${field.name} ${field.id}`.toLowerCase();
    if (field.type === "password") return "password";
    if (hints.includes("one-time-code") || /\b(otp|totp|code|2fa|mfa)\b/.test(hints)) return "code";
    return "text";
  };

  const isField = (element) => element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement;
  const typed = (element) => (isField(element) ? element.value : element.innerText);

  addEventListener("input", (event) => {
    const element = event.composedPath()[0];
    const editable = element.isContentEditable ? element.closest("[contenteditable]") : element;
    if (element instanceof HTMLSelectElement) {
      return tell({ what: "choose", selector: selector(element), text: element.value });
    }
    if (!isField(element) && !element.isContentEditable) return;
    if (["checkbox", "radio", "file"].includes(element.type)) return;
    const secret = isField(element) && kind(element) !== "text";
    tell({ what: secret ? kind(element) : "fill", selector: selector(editable), text: secret ? null : typed(editable) });
  }, true);

  let enterAt = -1000;
  addEventListener("keydown", (event) => {
    const element = event.composedPath()[0];
    if (event.key !== "Enter" || event.shiftKey || !(isField(element) || element.isContentEditable)) return;
    enterAt = performance.now();
    tell({ what: "press", selector: selector(element), text: "Enter" });
  }, true);

  addEventListener("click", (event) => {
    // Enter in a form clicks its button by itself.
    if (event.detail === 0 && performance.now() - enterAt < 500) return;
    const element = event.composedPath()[0];
    const target = element.closest?.("button, a, [role=button], input[type=submit], input[type=checkbox], summary");
    if (target) tell({ what: "click", selector: selector(target), text: null });
  }, true);
})();
