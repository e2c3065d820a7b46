// Asks every few seconds for the parts of the page that change, and puts in those that did.
document.addEventListener("DOMContentLoaded", () => {
  const address = document.body.dataset.live;
  const said = document.getElementById("live");
  if (!address) return;
  const EVERY = 3000;
  const LONGEST = 60000;
  const shown = new Map(); // part -> its HTML as it was sent last
  let pause = EVERY;

  // Never under somebody's hands: a field, an open form or a chart that is looked at stays as it is.
  const isInUse = (element) =>
    element.contains(document.activeElement) || element.querySelector("details.drop[open], .chart:hover") !== null;

  const replace = (element, html) => {
    const open = [...element.querySelectorAll("details[open][data-key]")].map((one) => one.dataset.key);
    const scrolled = [...element.querySelectorAll(".scroll")].map((one) => [one.scrollLeft, one.scrollTop]);
    element.innerHTML = html;
    for (const key of open) element.querySelector(`details[data-key="${CSS.escape(key)}"]`)?.setAttribute("open", "");
    element.querySelectorAll(".scroll").forEach((one, place) => {
      if (scrolled[place]) [one.scrollLeft, one.scrollTop] = scrolled[place];
    });
    element.dispatchEvent(new Event("apportion:part", { bubbles: true }));
  };

  const take = ({ parts, goes_on: goesOn }) => {
    for (const [name, html] of Object.entries(parts)) {
      const element = document.querySelector(`[data-part="${name}"]`);
      if (!element || shown.get(name) === html || isInUse(element)) continue;
      shown.set(name, html);
      replace(element, html);
    }
    return goesOn;
  };

  const ask = async () => {
    if (document.hidden) return true;
    try {
      const reply = await fetch(address, { headers: { accept: "application/json" } });
      if (reply.redirected || reply.status === 403) { location.reload(); return false; }
      if (reply.status === 429) {
        pause = Math.max(EVERY, 1000 * Number(reply.headers.get("retry-after")));
        said.textContent = "This key asks more often than it may; what you see may be old.";
        return true;
      }
      if (!reply.ok) throw new Error(reply.statusText);
      const goesOn = take(await reply.json());
      pause = EVERY;
      said.textContent = goesOn ? "" : "This is final.";
      return goesOn;
    } catch {
      pause = Math.min(LONGEST, 2 * pause);
      said.textContent = "The server does not answer; what you see may be old.";
      return true;
    }
  };

  const again = async () => { if (await ask()) setTimeout(again, pause); };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  setTimeout(again, EVERY);
});
