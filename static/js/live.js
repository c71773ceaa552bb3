/* CM Queue: a page that stays true while it is open. Without this file a page is as it was when it was made.
   It asks every few seconds, more and more rarely while nothing happens, whether the stamp in #live still holds;
   then it fetches the page again and puts in the regions ([data-live-region]) that differ. It rests while nobody
   looks, never touches a region in which somebody types or has the focus, and says so instead. */
(() => {
  "use strict";
  const LEAST = 4000, MOST = 60000, AGAIN = 2000;
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const place = () => document.getElementById("live");
  if (!place()) return;
  let stamp, who, wait, timer, busy = false, failed = 0, leaving = false, cost = 0;
  // By region: its markup as the server sent it, and the newer one that nobody has been shown yet.
  const sent = new Map(), newer = new Map();

  /* What it says */
  function say(name, shown) {
    all(`[data-says="${name}"]`, place()).forEach((line) => { if (line.hidden === shown) line.hidden = !shown; });
  }

  /* Regions */
  const plain = (html) => html.replace(/(name="csrfmiddlewaretoken" value=")[^"]*/g, "$1");
  const regions = (root = document) => all("[data-live-region]", root);
  const name = (region) => region.dataset.liveRegion;
  function take() {
    sent.clear();
    newer.clear();
    regions().forEach((region) => sent.set(name(region), plain(region.innerHTML)));
    ({ stamp, who } = place().dataset);
    wait = LEAST;
  }
  const kept = (field) => !/^(hidden|submit|button|reset)$/.test(field.type) && field.name;
  function touched(field) {
    if (!kept(field)) return false;
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") {
      const given = Array.from(field.options).some((one) => one.defaultSelected);
      return Array.from(field.options).some((one, n) => one.selected !== (given ? one.defaultSelected : n === 0));
    }
    return field.value !== field.defaultValue;
  }
  const fields = (root) => all("input, textarea, select", root);
  function inUse(region) {
    if ("liveAsk" in region.dataset || region.contains(document.activeElement)) return true;
    const selected = document.getSelection();
    if (selected && !selected.isCollapsed && selected.anchorNode && region.contains(selected.anchorNode)) return true;
    return all("details[open]", region).some((one) => one.querySelector("form")) || fields(region).some(touched);
  }

  /* A field's place on the page, by which what was typed finds its field again */
  const key = (field) => [field.form ? field.form.getAttribute("action") : "", field.name,
    /^(checkbox|radio)$/.test(field.type) ? field.value : ""].join("\n");
  function put(region, html) {
    const typed = fields(region).filter(touched);
    const next = document.createElement("div");
    next.innerHTML = html;
    const places = new Map(fields(next).filter(kept).map((field) => [key(field), field]));
    if (typed.some((field) => !places.has(key(field)) || field.type === "file")) return false;
    const open = all("details[open] > summary", region).map((one) => one.textContent.trim());
    const focus = region.contains(document.activeElement) ? document.activeElement : null;
    const at = focus && focus.name ? key(focus) : "";
    const caret = at && typeof focus.selectionStart === "number" ? [focus.selectionStart, focus.selectionEnd] : null;
    sent.set(name(region), plain(html));
    newer.delete(name(region));
    region.replaceChildren(...next.childNodes);
    all("details > summary", region).forEach((one) => { if (open.includes(one.textContent.trim())) one.parentElement.open = true; });
    if (window.htmx) window.htmx.process(region);
    region.dispatchEvent(new CustomEvent("desk:shown", { bubbles: true }));
    typed.forEach((field) => {
      const other = places.get(key(field));
      if (/^(checkbox|radio)$/.test(field.type)) other.checked = field.checked;
      else other.value = field.value;
      other.dispatchEvent(new Event("input", { bubbles: true }));
    });
    if (focus) {
      const again = at && fields(region).find((field) => key(field) === at);
      if (!again) region.tabIndex = -1;
      (again || region).focus({ preventScroll: true });
      if (again && caret) again.setSelectionRange(...caret);
    }
    return true;
  }
  function show() {
    if (!newer.size) { location.reload(); return; }
    const stuck = regions().filter((region) => newer.has(name(region)) && !put(region, newer.get(name(region))));
    say("changed", false);
    say("stuck", stuck.length > 0);
  }

  /* The page as it would be made now */
  async function refresh(news) {
    const before = performance.now();
    const answer = await fetch(place().dataset.page, { headers: { "X-Live": "1" }, cache: "no-store", signal: AbortSignal.timeout(30000) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    cost = performance.now() - before;
    const found = page.getElementById("live");
    await window.desk.loose();
    // Another page than this one (signed out, moved, gone): the next question will tell, or a click does.
    if (!answer.ok || !found || found.dataset.page !== place().dataset.page) { say("changed", news); return false; }
    if (found.dataset.who !== who) { say("other", true); return false; }
    const made = new Map(regions(page).map((region) => [name(region), region.innerHTML]));
    regions().forEach((region) => {
      const html = made.get(name(region));
      if (html === undefined || plain(html) === sent.get(name(region))) { newer.delete(name(region)); return; }
      if (inUse(region) ? !news && !newer.has(name(region)) : put(region, html)) return;
      newer.set(name(region), html);
    });
    say("changed", newer.size > 0);
    if (!newer.size) say("stuck", false);
    stamp = found.dataset.stamp;
    return true;
  }
  function frame(told) {
    Object.entries(told.counts).forEach(([what, count]) => all(`[data-live-count="${what}"]`).forEach((one) => {
      one.firstElementChild.textContent = count;
      one.hidden = !count;
    }));
    const alarms = document.querySelector(".alarms");
    const next = document.createElement("div");
    next.innerHTML = told.alarms;
    if (alarms && next.innerHTML.trim() !== alarms.innerHTML.trim()) alarms.replaceChildren(...next.childNodes);
  }

  /* Asking */
  async function ask() {
    const answer = await fetch(place().dataset.url, { headers: { "If-None-Match": `"${stamp}"` }, cache: "no-store", signal: AbortSignal.timeout(20000) });
    if (answer.status === 304) { wait = Math.min(wait * 1.5, MOST); return; }
    if (!answer.ok) throw new Error(String(answer.status));
    const told = await answer.json();
    await window.desk.loose();
    say("out", "signed_out" in told);
    if ("signed_out" in told) { wait = MOST; return; }
    say("other", "gone" in told || told.who !== who);
    if ("gone" in told || told.who !== who) { wait = MOST; return; }
    frame(told);
    const news = told.stamp.split("~")[0] !== stamp.split("~")[0];
    if (!place().dataset.page || !sent.size) stamp = told.stamp;
    else if (!await refresh(news)) stamp = told.stamp;
    // A page that takes long to make is asked for less often.
    wait = Math.min(Math.max(LEAST, cost * 20), MOST);
  }
  const resting = () => document.hidden || leaving || !navigator.onLine;
  async function turn() {
    clearTimeout(timer);
    if (busy || resting()) return;
    busy = true;
    const asked = place();
    try {
      await ask();
      failed = 0;
      say("lost", false);
    } catch (error) {
      // A page that is being left, or was exchanged meanwhile, is none of our business; one failure is none either.
      if (!leaving && place() === asked) {
        failed += 1;
        if (failed > 1) say("lost", true);
        wait = failed > 1 ? Math.min(wait * 1.5, MOST) : AGAIN;
      }
    }
    busy = false;
    later();
  }
  function later() {
    clearTimeout(timer);
    if (!resting()) timer = setTimeout(turn, wait * (0.8 + Math.random() * 0.4));
  }
  function now() { wait = LEAST; turn(); }

  document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else now(); });
  window.addEventListener("pageshow", (event) => { leaving = false; if (event.persisted) now(); });
  window.addEventListener("pagehide", () => { leaving = true; clearTimeout(timer); });
  window.addEventListener("offline", () => { clearTimeout(timer); say("lost", true); });
  window.addEventListener("online", now);
  document.addEventListener("click", (event) => { if (event.target.closest("[data-live-show]")) show(); });
  // A part or the whole of the page was exchanged by htmx: what is there now came from the server just now.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (!place()) return;
    if (event.target === document.body || event.target.contains(place())) { take(); later(); return; }
    regions(event.target.parentElement || document).forEach((region) => {
      if (event.target === region || event.target.contains(region)) sent.set(name(region), plain(region.innerHTML));
    });
  });
  take();
  if (navigator.onLine) later(); else say("lost", true);
})();
