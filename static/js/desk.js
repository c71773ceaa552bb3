/* CM Queue: comforts. Every page works without this file; it only makes things quicker.
   Hooks (attributes, so that templates say what they use):
     data-key="a"            a key presses this link, button or <summary>, or goes into this field (j k c r m)
     data-keys-help          what "?" shows and hides
     data-theme-switch       cycles: as the system, light, dark (kept in a cookie the server reads)
     data-toasts             the messages: lifted above the page and made dismissible
     data-dismiss, data-close   take away the toast, close the <details> around it
     data-dirty              a form that warns before it is left with something typed
     data-count="max"        a field that counts; shows into the element named by data-count-into
*/
(() => {
  "use strict";
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  /* htmx, where a page has a use for it, as soon as somebody acts. What they typed or chose before it was there
     is told to it once more. */
  const htmxUrl = document.currentScript.dataset.htmx;
  let missed = null;
  const tell = (event) => { missed = event; };
  function bringHtmx(event) {
    if (window.htmx || !document.querySelector("[hx-post], [hx-get]")) return;
    if (event.type === "input" || event.type === "change") missed = event;
    for (const kind of ACTS) document.removeEventListener(kind, bringHtmx, true);
    for (const kind of ["input", "change"]) document.addEventListener(kind, tell, true);
    const script = document.createElement("script");
    script.src = htmxUrl;
    script.addEventListener("load", () => {
      for (const kind of ["input", "change"]) document.removeEventListener(kind, tell, true);
      // It takes up the page in the same turn, or in the next.
      if (missed) setTimeout(() => missed.target.dispatchEvent(new Event(missed.type, { bubbles: true })), 0);
    });
    // It begins by itself only in a page that is complete.
    if (document.readyState === "complete") document.head.append(script);
    else window.addEventListener("load", () => document.head.append(script), { once: true });
  }
  const ACTS = ["pointermove", "pointerdown", "keydown", "touchstart", "focusin", "input", "change"];
  for (const kind of ACTS) document.addEventListener(kind, bringHtmx, { capture: true, passive: true });
  const typing = (el) => el && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName));

  /* Keys */
  function press(target) {
    if (target.tagName === "SUMMARY") {
      target.parentElement.open = !target.parentElement.open;
      const first = target.parentElement.querySelector("input:not([type=hidden]), textarea, select, button");
      (target.parentElement.open && first ? first : target).focus();
    } else if (target.tagName === "TEXTAREA") {
      target.focus();
    } else {
      target.click();
    }
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") {
      const open = document.activeElement && document.activeElement.closest("details[open]");
      if (open) { open.open = false; open.querySelector("summary").focus(); }
      return;
    }
    // A held key must never decide twice.
    if (event.repeat || typing(document.activeElement)) return;
    if (event.key === "?") {
      all("[data-keys-help]").forEach((help) => { help.hidden = !help.hidden; });
      return;
    }
    const target = all("[data-key]").find((el) => el.dataset.key === event.key && !el.disabled && el.offsetParent);
    if (target) { event.preventDefault(); press(target); }
  });

  /* Theme */
  const themes = ["auto", "light", "dark"];
  function theme() { return document.documentElement.dataset.theme || "auto"; }
  function showTheme(button) { button.querySelector("span").textContent = button.dataset[theme()]; }
  function changeTheme(button) {
    const next = themes[(themes.indexOf(theme()) + 1) % themes.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    const age = next === "auto" ? 0 : 31536000;
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${next}; path=/; max-age=${age}; samesite=lax${secure}`;
    showTheme(button);
  }

  /* Live counts. Code points; the network's own count comes from the server with the preview. */
  function showCount(field) {
    const into = document.getElementById(field.dataset.countInto);
    if (!into) return;
    const used = Array.from(field.value).length;
    const max = Number(field.dataset.count);
    into.textContent = `${used} / ${max}`;
    into.classList.toggle("stop", used > max);
  }

  /* Forms left with something typed */
  function stateOf(form) {
    const parts = [];
    new FormData(form).forEach((value, name) => {
      if (name !== "csrfmiddlewaretoken") parts.push([name, typeof value === "string" ? value : value.name + value.size]);
    });
    return JSON.stringify(parts);
  }
  const clean = new Map();
  let leaving = false;
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && [...clean].some(([form, before]) => form.isConnected && stateOf(form) !== before)) event.preventDefault();
  });
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (clean.has(event.target)) leaving = true;
  });

  function prepare(root) {
    all("[data-theme-switch]", root).forEach((button) => { button.hidden = false; showTheme(button); });
    all("[data-toasts]", root).forEach((toasts) => toasts.classList.add("lifted"));
    all("[data-dismiss], [data-close]", root).forEach((button) => { button.hidden = false; });
    all("[data-count]", root).forEach(showCount);
    all("form[data-dirty]", root).forEach((form) => { if (!clean.has(form)) clean.set(form, stateOf(form)); });
  }
  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    if (on("[data-theme-switch]")) changeTheme(on("[data-theme-switch]"));
    else if (on("[data-dismiss]")) on(".toast").remove();
    else if (on("[data-close]")) {
      const around = on("[data-close]").closest("details");
      around.open = false;
      around.querySelector("summary").focus();
    }
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches && event.target.matches("[data-count]")) showCount(event.target);
  });
  /* An autosave says that what is on the page is kept: nothing to warn about any more. */
  document.addEventListener("desk:saved", (event) => {
    if (clean.has(event.target)) clean.set(event.target, stateOf(event.target));
  });
  /* Nothing moves under a finger that is down: an answer that comes meanwhile is shown once it is let go. Else a
     button could go from under it, and the press with it. `desk.loose()` is a promise of that moment. */
  const PRESSED = "a, button, summary, label, input", LONGEST = 5000;
  let pressed = false, letGo;
  const waiting = [];
  const loose = () => pressed ? new Promise((go) => waiting.push(go)) : Promise.resolve();
  function release(after) {
    clearTimeout(letGo);
    letGo = setTimeout(() => { pressed = false; waiting.splice(0).forEach((go) => go()); }, after);
  }
  document.addEventListener("pointerdown", (event) => {
    if (event.button || !event.target.closest(PRESSED)) return;
    pressed = true;
    // Some menus and dialogs of the system keep the end of a press for themselves.
    release(LONGEST);
  }, { capture: true, passive: true });
  // The click itself comes a moment after the finger.
  for (const kind of ["pointerup", "pointercancel"]) document.addEventListener(kind, () => release(50), { capture: true, passive: true });
  window.addEventListener("blur", () => release(50));
  window.desk = { loose };
  document.addEventListener("htmx:beforeSend", ({ detail: { xhr } }) => {
    const takeUp = xhr.onload;
    xhr.onload = () => { if (pressed) loose().then(takeUp); else takeUp(); };
  });
  /* htmx swaps 422 and 409 answers too: they carry the form with its problems, or what changed. */
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 422 || event.detail.xhr.status === 409) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => prepare(event.target));
  document.addEventListener("desk:shown", (event) => prepare(event.target));
  prepare(document);
})();
