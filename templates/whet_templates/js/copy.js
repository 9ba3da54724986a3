// "Copy as patch": what stands in the page is what is copied, unseen characters escaped.
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const diff = button.closest(".suggestion").querySelector(".diff");
    const patch = [...diff.children].map((line) => line.textContent.replace(/\n$/, "")).join("\n") + "\n";
    try {
      await navigator.clipboard.writeText(patch);
      button.textContent = "Copied";
    } catch {
      // No clipboard (a page without rights to it): leave the diff selected, so that Ctrl+C takes it.
      getSelection().selectAllChildren(diff);
      button.textContent = "Selected: press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy as patch"; }, 2500);
  });
}
