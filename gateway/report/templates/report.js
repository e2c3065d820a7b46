(() => {
  const table = document.getElementById("table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({
    row,
    text: [...row.cells].map((cell) => cell.title || cell.textContent).join(" ").toLowerCase(),
  }));
  const search = document.getElementById("search");
  const strategy = document.getElementById("strategy");
  const grade = document.getElementById("grade");
  const matches = document.getElementById("matches");

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text } of rows) {
      const fits =
        words.every((word) => text.includes(word)) &&
        (!strategy.value || row.dataset.strategy === strategy.value) &&
        (!grade.value || row.dataset.grade === grade.value);
      row.hidden = !fits;
      shown += fits;
    }
    matches.textContent = `${shown} of ${rows.length} tasks`;
  };

  const number = (row, column) => {
    const value = parseFloat(row.cells[column].textContent.replace(/[,<]/g, ""));
    return Number.isNaN(value) ? -Infinity : value;
  };

  for (const heading of table.tHead.querySelectorAll("[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const falling = heading.getAttribute("aria-sort") !== "descending";
      for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const column = heading.cellIndex;
      rows.sort((a, b) => (number(a.row, column) - number(b.row, column)) * (falling ? -1 : 1));
      body.append(...rows.map(({ row }) => row));
    });
  }

  document.querySelector(".filters").hidden = false;
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  for (const control of [search, strategy, grade]) control.addEventListener("input", filter);
  filter();
})();
