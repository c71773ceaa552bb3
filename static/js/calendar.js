/* CM Queue: moves a post on the calendar, by dragging it or by keys. Both send the form of the page “Move”, which
   works without this script; the server decides, and what it refuses goes back to where it was.
   Hooks: [data-move] a post that may be moved (the form's address; data-seen, data-from, data-time, data-window),
   [data-day] a day, .free[data-time] a free slot, #carried what is said, #asks the question. */
(() => {
  "use strict";
  const calendar = document.querySelector("[data-calendar]");
  if (!calendar) return;
  // Only the screen knows how wide it is: a wide one that never chose gets the week.
  if (calendar.dataset.wider && window.matchMedia("(min-width: 66rem)").matches) {
    window.location.replace(calendar.dataset.wider);
    return;
  }
  const carried = document.getElementById("carried");
  const asks = document.getElementById("asks");
  const days = Array.from(calendar.querySelectorAll("[data-day]"));
  const csrf = asks.querySelector("[name=csrfmiddlewaretoken]").value;

  function say(text, keys) {
    carried.textContent = text;
    if (keys) carried.append(Object.assign(document.createElement("small"), { textContent: keys }));
    carried.hidden = !text;
  }

  /* --- The verb: the post stands at its new place meanwhile, and goes back when it is refused --- */
  function ask(sentence) {
    asks.querySelector("p").textContent = sentence;
    asks.returnValue = "";
    asks.showModal();
    return new Promise((answer) => asks.addEventListener("close", () => answer(asks.returnValue === "yes"), { once: true }));
  }
  async function post(item, at, knowing) {
    const body = new URLSearchParams({ day: at.day, time: at.time, seen: item.dataset.seen, csrfmiddlewaretoken: csrf });
    if (knowing) body.set("knowing", "on");
    const answer = await fetch(item.dataset.move, { method: "POST", body, headers: { Accept: "application/json" } });
    return answer.json();
  }
  async function move(item, at) {
    const place = document.createComment("");
    item.before(place);
    const day = days.find((one) => one.dataset.day === at.day);
    if (day) day.querySelector("ol").prepend(item);
    item.setAttribute("aria-busy", "true");
    let told = {};
    try {
      told = await post(item, at, false);
      if (told.asks) told = (await ask(told.asks)) ? await post(item, at, true) : { refused: carried.dataset.left };
    } catch {
      told = { refused: carried.dataset.lost };
    }
    if (told.done) {
      window.location.reload();
      return;
    }
    place.replaceWith(item);
    item.removeAttribute("aria-busy");
    say(told.refused || carried.dataset.lost);
    item.querySelector(".title").focus();
  }
  // What has no time yet takes the day's first free slot, or is asked for one.
  function timeOn(day, item) {
    const free = day.querySelector(".free[data-time], .free [data-time]");
    return item.dataset.time || (free && free.dataset.time) || "";
  }
  function put(item, day, time) {
    const at = { day, time };
    if (!time) window.location.assign(`${item.dataset.move}?day=${day}`);
    else if (day !== item.dataset.from || time !== item.dataset.time) move(item, at);
  }

  /* --- Dragging --- */
  let dragged = null;
  function target(event) {
    const slot = event.target.closest && event.target.closest(".free[data-time], .free [data-time]");
    return slot || (event.target.closest && event.target.closest("[data-day]"));
  }
  function mark(place) {
    calendar.querySelectorAll(".over").forEach((one) => one.classList.remove("over"));
    if (place) place.classList.add("over");
  }
  // The days on which what was approved stands.
  function showWindow(item, shown) {
    document.body.classList.toggle("dragging", shown);
    const [from, until] = (item.dataset.window || "").split("/");
    days.forEach((day) => day.classList.toggle("within", shown && Boolean(from) && day.dataset.day >= from && day.dataset.day <= until));
  }
  function end() {
    if (!dragged) return;
    dragged.classList.remove("lifted-post");
    showWindow(dragged, false);
    mark(null);
    dragged = null;
  }
  document.addEventListener("dragstart", (event) => {
    dragged = event.target.closest && event.target.closest("[data-move]");
    if (!dragged) return;
    say("");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.querySelector(".title").textContent);
    dragged.classList.add("lifted-post");
    showWindow(dragged, true);
  });
  calendar.addEventListener("dragover", (event) => {
    const place = dragged && target(event);
    if (!place) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
    mark(place);
  });
  calendar.addEventListener("drop", (event) => {
    const place = dragged && target(event);
    if (!place) return;
    event.preventDefault();
    const item = dragged;
    const day = place.closest("[data-day]");
    end();
    put(item, day.dataset.day, place === day ? timeOn(day, item) : place.dataset.time);
  });
  document.addEventListener("dragend", end);

  /* --- Keys: m takes up, arrows carry (a day, a week in a month; half an hour elsewhere), Enter puts down --- */
  let held = null; // { item, at }: `at` is the wall's time, kept as if it were UTC
  const month = calendar.classList.contains("by-month");
  const words = new Intl.DateTimeFormat(document.documentElement.lang, {
    weekday: "long", day: "numeric", month: "long", hour: "numeric", minute: "2-digit", timeZone: "UTC",
  });
  const steps = { ArrowLeft: -1440, ArrowRight: 1440, ArrowUp: month ? -10080 : -30, ArrowDown: month ? 10080 : 30 };
  function carry(minutes) {
    held.at = new Date(held.at.getTime() + minutes * 60000);
    const day = held.at.toISOString().slice(0, 10);
    mark(days.find((one) => one.dataset.day === day));
    // French counts its first day as « 1er », which Intl does not know.
    const first = words.resolvedOptions().locale.startsWith("fr") ? "$11er$2" : "$&";
    say(words.format(held.at).replace(/(^|\s)1(\s\p{L})/u, first), carried.dataset.keys);
  }
  function lay(text) {
    showWindow(held.item, false);
    mark(null);
    held = null;
    say(text);
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (held) {
      if (event.key in steps) carry(steps[event.key]);
      else if (event.key === "Enter") {
        const { item, at } = held;
        const [day, time] = at.toISOString().slice(0, 16).split("T");
        lay("");
        put(item, day, time);
      } else if (event.key === "Escape" || event.key === "Tab") lay(event.key === "Tab" ? "" : carried.dataset.left);
      else return;
      if (event.key !== "Tab") event.preventDefault();
      return;
    }
    const title = event.key === "m" && !event.repeat && event.target.closest && event.target.closest(".title");
    const item = title && title.closest("[data-move]");
    if (!item) return;
    event.preventDefault();
    if (!item.dataset.time) {
      window.location.assign(item.dataset.move);
      return;
    }
    held = { item, at: new Date(`${item.dataset.from}T${item.dataset.time}Z`) };
    showWindow(item, true);
    carry(0);
  });
})();
