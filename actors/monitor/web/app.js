// app.js: what the page gains by script. Without it every page works, by links and forms.
import { begin as browse } from "./browse.js";
import { localTimes } from "./cards.js";
import { begin as changes } from "./changes.js";
import { begin as player } from "./player.js";

changes();
player();
if (document.getElementById("results")) browse();
else localTimes(document);
// A narrow screen shows the clips first.
if (matchMedia("(max-width: 48rem)").matches) document.querySelector(".drawer")?.removeAttribute("open");
document.documentElement.dataset.ready = "";
