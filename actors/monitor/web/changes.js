// changes.js: forms that change something are sent without leaving the page; without script they are plain forms.

async function send(form) {
  const button = form.querySelector("button");
  const said = form.querySelector(".done") ?? form.appendChild(document.createElement("span"));
  said.className = "done";
  said.setAttribute("role", "status");
  button.disabled = true;
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error || `The server answered ${response.status}.`);
    said.textContent = answer.retried === 0 ? "Nothing to do" : answer.retried === 1 ? "Under way" : `${answer.retried} under way`;
  } catch (error) {
    said.textContent = error.message;
    button.disabled = false;
  }
}

export function begin() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.retry")) return;
    event.preventDefault();
    send(event.target);
  });
}
