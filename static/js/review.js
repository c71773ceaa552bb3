/* CM Queue: a comment on a passage. Select words of the preview and say something about them.
   Hooks: data-quote-selection   the button that takes the selected words into the comment's form */
(() => {
  "use strict";
  let words = "";
  function selected() {
    const selection = window.getSelection();
    if (!selection || selection.isCollapsed || !selection.rangeCount) return null;
    const around = (node) => (node && (node.nodeType === 1 ? node : node.parentElement));
    const text = around(selection.anchorNode) && around(selection.anchorNode).closest(".pub .text");
    /* Over two texts it would be a passage of neither. */
    if (!text || !text.contains(selection.focusNode)) return null;
    return { text, words: selection.toString() };
  }
  function offer() {
    const button = document.querySelector("[data-quote-selection]");
    if (!button || document.activeElement === button) return;
    const found = selected();
    /* The form keeps 500 characters of it. */
    const fits = found !== null && found.words.trim() !== "" && found.words.length <= 500;
    button.hidden = !fits;
    if (!fits) return;
    words = found.words;
    if (button.previousElementSibling !== found.text) found.text.after(button);
  }
  document.addEventListener("selectionchange", offer);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-quote-selection]");
    const form = document.querySelector("form.remark");
    if (!button || !form) return;
    button.hidden = true;
    form.querySelector("details").open = true;
    form.elements.namedItem("quote").value = words;
    const text = form.elements.namedItem("text");
    text.focus();
    text.scrollIntoView({ block: "center" });
  });
})();
