// Draws at most once a frame, whatever happened meanwhile; a page that is hidden has no frames, so it draws nothing.

const waiting = new Set();
let asked = false;

function run() {
  asked = false;
  const now = [...waiting];
  waiting.clear();
  for (const draw of now) draw();
}

export function later(draw) {
  waiting.add(draw);
  if (!asked) {
    asked = true;
    requestAnimationFrame(run);
  }
}
