// What a browser kept, put back where it is not yet: in the main frame of one origin, before the page's own scripts.
(() => {
  const items = "{{items}}";
  if (location.origin !== items.origin || window !== window.top) return;
  const put = (store, values) => {
    for (const [key, value] of Object.entries(values)) {
      if (store.getItem(key) === null) store.setItem(key, value);
    }
  };
  put(localStorage, items.local);
  put(sessionStorage, items.session);
})();
