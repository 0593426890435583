// What the broker does inside a page. It runs in an isolated world: it sees the page's DOM, and the page's scripts
// see neither these functions nor their arguments. One object for each document; it dies with the document.
(() => {
  // What was typed and not sent yet: a password that the page threw away after it was sent must not be typed again.
  const filled = new Map();
  const forget = () => filled.clear();
  addEventListener("click", forget, true);
  addEventListener("submit", forget, true);
  addEventListener("keydown", (event) => event.key === "Enter" && forget(), true);
  let left = false;

  // Every root that selectors look into: the document and its open shadow roots.
  const roots = () => {
    const found = [document];
    for (let at = 0; at < found.length; at++) {
      for (const element of found[at].querySelectorAll("*")) {
        if (element.shadowRoot) found.push(element.shadowRoot);
      }
    }
    return found;
  };

  const isVisible = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && element.checkVisibility({ visibilityProperty: true });
  };

  const find = (selector) => {
    for (const root of roots()) {
      for (const element of root.querySelectorAll(selector)) {
        if (isVisible(element)) return element;
      }
    }
    return null;
  };

  const isEnabled = (element) => !element.matches(":disabled") && element.getAttribute("aria-disabled") !== "true";

  // A `blob:` document has the origin of whoever made it, who need not be the site.
  const isAllowed = (origins) =>
    /^https?:$/.test(location.protocol) && origins.includes(location.origin) && window.origin === location.origin;

  // Whether a form, or a button of it, sends what is typed elsewhere. A script's address is the page's own doing.
  const leadsAway = (element, targets) => {
    const form = element.form;
    if (!form) return false;
    // A field may have the name of anything that is asked of its form; and `elements` has no pictures that send.
    const attribute = (of, name) => Element.prototype.getAttribute.call(of, name);
    const root = Node.prototype.getRootNode.call(form);
    const buttons = [...root.querySelectorAll("button, input")].filter((button) => button.form === form);
    const addresses = [attribute(form, "action"), ...buttons.map((button) => attribute(button, "formaction"))];
    const foreign = (address) => {
      if (!address) return false;
      try {
        const url = new URL(address, document.baseURI);
        return url.protocol !== "javascript:" && !targets.includes(url.origin);
      } catch {
        return true;
      }
    };
    return addresses.some(foreign);
  };

  const announce = (element) => {
    element.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertText" }));
    element.dispatchEvent(new Event("change", { bubbles: true }));
  };

  // The prototype's own setter: React replaces the element's.
  const put = (element, value) => {
    const prototype = element instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(prototype.prototype, "value").set.call(element, value);
    announce(element);
  };

  const isField = (element) => element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement;

  const text = (root) => {
    const tops = root === document ? [document.body].filter(Boolean) : [...root.children];
    return tops.map((top) => top.innerText ?? "").join("\n");
  };

  const atPoint = (x, y) => {
    let element = document.elementFromPoint(x, y);
    while (element?.shadowRoot) {
      const inner = element.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner === element) break;
      element = inner;
    }
    return element;
  };

  // Whether one is inside the other, through shadow roots.
  const contains = (outer, inner) => {
    for (let node = inner; node; node = node.parentNode ?? node.host) {
      if (node === outer) return true;
    }
    return false;
  };

  const holds = (value, secrets) => secrets.some((secret) => value?.includes(secret));

  const blank = (element) => {
    const style = { color: "transparent", "text-shadow": "none", "-webkit-text-security": "disc" };
    for (const [name, value] of Object.entries(style)) element.style.setProperty(name, value, "important");
    if (isField(element)) {
      const prototype = element instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
      // Files cannot be set, buttons show their value as a label.
      if (["file", "submit", "button", "reset"].includes(element.type)) return;
      Object.getOwnPropertyDescriptor(prototype.prototype, "value").set.call(element, "");
    } else {
      element.textContent = "";
    }
  };

  const FIELDS = "input, textarea, [contenteditable], output";
  const OPAQUE = "iframe, frame, object, embed, canvas, video";

  const scrub = (root, secrets) => {
    for (const element of root.querySelectorAll(FIELDS)) blank(element);
    for (const element of root.querySelectorAll(OPAQUE)) element.style.setProperty("visibility", "hidden", "important");
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.nodeType === Node.TEXT_NODE) {
        if (holds(node.data, secrets)) node.data = "[masked]";
        continue;
      }
      for (const attribute of [...node.attributes]) {
        if (holds(attribute.value, secrets)) node.setAttribute(attribute.name, "");
      }
    }
  };

  const shows = (root, secrets) => {
    const fields = [...root.querySelectorAll("input, textarea")];
    return fields.some((field) => holds(field.value, secrets)) || holds(text(root), secrets);
  };

  // What is hidden for a picture, with the visibility that it had.
  const covered = new Map();

  const cover = (element) => {
    if (!covered.has(element)) covered.set(element, element.style.visibility);
    element.style.setProperty("visibility", "hidden", "important");
  };

  return {
    // What is true of the page now. A selector that is none gives null.
    glance(selectors, texts) {
      const visible = selectors.map((selector) => {
        try {
          return find(selector) !== null;
        } catch {
          return null;
        }
      });
      const all = texts.length > 0 ? roots().map(text).join("\n") : "";
      return {
        url: location.href,
        origin: location.origin,
        ready: document.readyState !== "loading",
        left,
        visible,
        texts: texts.map((wanted) => all.includes(wanted)),
      };
    },

    // Checks the origin and types in one turn, so that no navigation comes between.
    fill(selector, value, origins, targets) {
      const element = find(selector);
      if (!element) return "missing";
      if (!isAllowed(origins)) return "foreign";
      if (!isField(element)) return "unfit";
      if (leadsAway(element, targets)) return "leads_away";
      if (!isEnabled(element) || element.readOnly) return "disabled";
      element.focus();
      put(element, value);
      filled.set(element, value);
      return "done";
    },

    // Types again what a framework threw away when it took the page over.
    refill(origins) {
      if (!isAllowed(origins)) return;
      for (const [element, value] of filled) {
        if (element.isConnected && element.value === "" && !leadsAway(element, origins)) put(element, value);
      }
    },

    choose(selector, wanted, origins) {
      const element = find(selector);
      if (!element) return "missing";
      if (!isAllowed(origins)) return "foreign";
      if (!(element instanceof HTMLSelectElement)) return "unfit";
      if (!isEnabled(element)) return "disabled";
      const option = [...element.options].find((each) => each.value === wanted || each.text.trim() === wanted);
      if (!option) return "missing";
      option.selected = true;
      announce(element);
      return "done";
    },

    // Where to click; `hit` says whether the mouse would reach the element there.
    point(selector) {
      const element = find(selector);
      if (!element) return { state: "missing" };
      if (!isEnabled(element)) return { state: "disabled" };
      element.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
      const box = element.getBoundingClientRect();
      const x = Math.round((Math.max(box.left, 0) + Math.min(box.right, innerWidth)) / 2);
      const y = Math.round((Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2);
      const hit = contains(element, atPoint(x, y));
      return { state: "done", x, y, hit };
    },

    click(selector) {
      find(selector)?.click();
    },

    leave(url) {
      left = true;
      location.assign(url);
    },

    // Named items whatever their size, then others while there is room for them.
    storage(kind, keys, longest, room) {
      const values = {};
      try {
        const store = kind === "local" ? localStorage : sessionStorage;
        for (const key of keys) {
          const value = store.getItem(key);
          if (value !== null) values[key] = value;
        }
        for (let at = 0; at < store.length; at++) {
          const key = store.key(at);
          const value = store.getItem(key);
          const size = key.length + value.length;
          if (Object.hasOwn(values, key) || size > longest || size > room) continue;
          room -= size;
          values[key] = value;
        }
      } catch {
        // A page without an origin has no storage.
      }
      return { origin: location.origin, values };
    },

    shown() {
      return roots().map(text).join("\n");
    },

    // Hides every field and every secret; true when none is left to see.
    mask(secrets) {
      const all = roots();
      for (const root of all) scrub(root, secrets);
      return !all.some((root) => shows(root, secrets));
    },

    // Hides fields and secrets of a page that goes on; true when none is left to see.
    cover(secrets) {
      const all = roots();
      for (const root of all) {
        for (const element of root.querySelectorAll(`${FIELDS}, ${OPAQUE}`)) cover(element);
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          if (holds(node.data, secrets) && node.parentElement) cover(node.parentElement);
        }
      }
      return !all.some((root) => holds(text(root), secrets));
    },

    uncover() {
      for (const [element, visibility] of covered) element.style.visibility = visibility;
      covered.clear();
    },

    shows(secrets) {
      return roots().some((root) => shows(root, secrets));
    },
  };
})()
