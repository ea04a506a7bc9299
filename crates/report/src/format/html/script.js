"use strict";
// The page is whole without this: it only adds the filter.
const box = document.getElementById("filter");
const shown = document.getElementById("shown");
const groups = [...document.querySelectorAll("section.group")];
function filter() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const group of groups) {
    let any = false;
    for (const race of group.querySelectorAll(".race")) {
      const text = race.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word));
      race.hidden = !fits;
      any ||= fits;
      count += fits;
    }
    group.hidden = !any;
  }
  shown.textContent = `${count} shown`;
}
box.addEventListener("input", filter);
// A link can carry the filter: report.html#filter=counter
const match = /^#filter=(.*)$/.exec(location.hash);
if (match) box.value = decodeURIComponent(match[1]);
filter();
document.body.dataset.ready = "yes";
