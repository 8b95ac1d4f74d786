// The chosen colours, set before the first paint. A classic script on purpose: modules run after it.
try {
  const theme = localStorage.getItem("mooring.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // storage is blocked: the system's colours stand
}
