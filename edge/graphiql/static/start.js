// Starts GraphiQL with what the page says: where GraphQL is, the headers of the demo customer, the demo queries.
"use strict";

// Libraries that add <style> elements take the page's nonce from here; without it the Content-Security-Policy drops those styles.
window.__webpack_nonce__ = document.currentScript.nonce;

(() => {
  const settings = JSON.parse(document.getElementById("settings").textContent);
  const { createElement } = React;
  const headers = settings.headers === null ? undefined : JSON.stringify(settings.headers, null, 2);

  // GraphiQL writes its keys as graphiql:…; these two are ours beside them.
  const NAMESPACE = "tallystick";
  const DEMO = "demo";
  const HISTORY = ["graphiql:queries", "graphiql:favorites"];

  function openStorage() {
    try {
      const storage = GraphiQL.createLocalStorage({ namespace: NAMESPACE });
      storage.setItem("probe", "1");
      storage.removeItem("probe");
      return storage;
    } catch {
      return null; // Storage is switched off in this browser: GraphiQL then keeps its state for as long as the page is open.
    }
  }

  // GraphiQL's history keeps the headers of each request. A token must not outlive its page, and an old one would fail when its query is
  // sent again: so they are left out when the history is written, and this page's take their place when it is read.
  function withoutTokens(storage) {
    const changed = (key, text, change) => {
      if (text === null || !HISTORY.includes(key)) return text;
      try {
        const list = key.split(":")[1];
        return JSON.stringify({ [list]: JSON.parse(text)[list].map(change) });
      } catch {
        return "";
      }
    };
    return {
      getItem: (key) => changed(key, storage.getItem(key), (item) => ({ ...item, headers })),
      setItem: (key, text) => storage.setItem(key, changed(key, text, (item) => ({ ...item, headers: undefined }))),
      removeItem: (key) => storage.removeItem(key),
      clear: () => storage.clear(),
      get length() {
        return storage.length;
      },
    };
  }

  function newKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }

  function filled(variables) {
    const today = new Date();
    const day = (month, date) => new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + month, date)).toISOString().slice(0, 10);
    return variables
      .replaceAll("<newKey>", newKey)
      .replaceAll("<firstOfLastMonth>", day(-1, 1))
      .replaceAll("<lastOfLastMonth>", day(0, 0));
  }

  function keep(storage, key, text) {
    try {
      storage.setItem(key, text);
    } catch {
      // The browser's storage is full: the page works without, and offers the demo's tabs anew next time.
    }
  }

  function storedTabs(storage) {
    try {
      const { tabs, activeTabIndex } = JSON.parse(storage.getItem("graphiql:tabState"));
      const isTab = (tab) => typeof tab.id === "string" && typeof tab.title === "string";
      return tabs.every(isTab) && tabs[activeTabIndex] ? { tabs, active: tabs[activeTabIndex] } : null;
    } catch {
      return null; // Nothing is stored, or not in this version's form: start again.
    }
  }

  function storedDemo(storage) {
    try {
      return JSON.parse(storage.getItem(DEMO)).map((tab) => tab.query);
    } catch {
      return [];
    }
  }

  // The tabs to start with. What a developer wrote survives; the demo's tabs are replaced when the demo has changed (other queries, another
  // bank with other ids), because GraphiQL itself would show the old ones for ever.
  function prepareTabs(storage) {
    const fresh = settings.tabs.map((tab) => ({ query: tab.query, variables: filled(tab.variables) }));
    if (storage === null) return fresh;
    const demo = JSON.stringify(settings.tabs);
    const stored = storedTabs(storage);
    let tabs = fresh;
    let active = fresh[0];
    if (stored !== null && storage.getItem(DEMO) === demo) {
      active = stored.active;
    } else {
      const old = [...storedDemo(storage), ...fresh.map((tab) => tab.query)];
      const own = (stored?.tabs ?? []).filter((tab) => tab.query && !old.includes(tab.query));
      tabs = [...fresh, ...own.map((tab) => ({ query: tab.query, variables: tab.variables ?? "" }))];
      storage.removeItem("graphiql:tabState");
      keep(storage, DEMO, demo);
    }
    // GraphiQL opens the tab whose contents these are, and adds an empty tab where there is none.
    keep(storage, "graphiql:query", active?.query ?? "");
    keep(storage, "graphiql:variables", active?.variables ?? "");
    return tabs;
  }

  function NewKeyButton() {
    const { variableEditor, activeTabIndex } = GraphiQL.React.useEditorContext({ nonNull: true });
    const replace = () => {
      const variables = JSON.parse(variableEditor.getValue());
      if (variables.input?.idempotencyKey === undefined) throw new Error("These variables have no input.idempotencyKey");
      variables.input.idempotencyKey = newKey();
      variableEditor.setValue(JSON.stringify(variables, null, 2));
    };
    const icon = createElement(
      "svg",
      { className: "graphiql-toolbar-icon", viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", strokeWidth: 1.5, "aria-hidden": true },
      createElement("circle", { cx: 5, cy: 8, r: 3 }),
      createElement("path", { d: "M8 8h7M12 8v3M14.5 8v2" }),
    );
    // With the tab for its key, a failed press is forgotten when another tab is opened.
    const label = "New idempotency key (for a new payment)";
    return createElement(GraphiQL.React.ToolbarButton, { key: activeTabIndex, label, onClick: replace }, icon);
  }

  const { endpoint: url } = settings;
  // The schema is asked for before the headers editor is there to take headers from.
  const schemaFetcher = GraphiQL.createFetcher({ url, enableIncrementalDelivery: false, headers: settings.headers ?? {} });

  const storage = openStorage();
  const page = createElement(
    GraphiQL,
    {
      fetcher: GraphiQL.createFetcher({ url, enableIncrementalDelivery: false, schemaFetcher }),
      storage: storage === null ? null : withoutTokens(storage),
      defaultTabs: prepareTabs(storage),
      defaultQuery: "# Ctrl-Space completes, Ctrl-Enter sends.\n",
      defaultHeaders: headers,
      defaultEditorToolsVisibility: "variables",
      shouldPersistHeaders: false,
    },
    createElement(GraphiQL.Logo, null, "Tallystick"),
    createElement(GraphiQL.Toolbar, null, ({ prettify, merge, copy }) =>
      createElement(React.Fragment, null, prettify, merge, copy, createElement(NewKeyButton)),
    ),
  );
  ReactDOM.createRoot(document.getElementById("graphiql")).render(page);
})();
