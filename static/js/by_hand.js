/* CM Queue: copies the approved bytes of a field. Without this script the fields can be selected by hand. */
(() => {
  "use strict";
  function copied(button) {
    const word = button.querySelector("span");
    const before = word.dataset.before || word.textContent;
    word.dataset.before = before;
    word.textContent = button.dataset.done;
    setTimeout(() => { word.textContent = before; }, 2000);
  }
  // Where there is no clipboard to write to (an address without https), the old way: select, then copy.
  function select(field) {
    field.focus();
    field.setSelectionRange(0, field.value.length);
    return document.execCommand("copy");
  }
  function copy(button) {
    const field = document.getElementById(button.dataset.copy);
    if (navigator.clipboard && window.isSecureContext) {
      navigator.clipboard.writeText(field.value).then(
        () => copied(button), () => { if (select(field)) copied(button); });
    } else if (select(field)) {
      copied(button);
    }
  }
  document.querySelectorAll("[data-copy]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  });
})();
