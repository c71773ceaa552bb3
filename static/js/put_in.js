/* CM Queue: puts ready words in where one writes. Without this script they can be copied by hand. */
(() => {
  "use strict";
  let last = null;
  const form = document.getElementById("compose");
  // The field of words that was written in last, whichever it was.
  if (form) form.addEventListener("focusin", (event) => {
    if (event.target.tagName === "TEXTAREA") last = event.target;
  });
  function putIn(button) {
    const field = last && last.isConnected ? last : document.getElementById(button.dataset.into);
    const words = document.getElementById(button.dataset.putIn).textContent;
    const from = field.selectionStart, before = field.value.slice(0, from);
    // What stands at the end of a word does not run into it.
    const space = before && !/\s$/.test(before) ? (words.includes("\n") ? "\n\n" : " ") : "";
    field.focus();
    field.setRangeText(space + words, from, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  document.querySelectorAll("[data-put-in]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => putIn(button));
  });
})();
