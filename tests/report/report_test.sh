# The reports of a study and of a comparison in a real browser: the recommendation stands in the first screen, nothing goes over an edge, nothing is
# fetched, on phones and on desks, light and dark. Left out (77) where there is no Chromium.
# Arguments: the program, the fixture's writer, a room.
set -u
program=$1 make_study=$2 room=$3
browser=$(command -v chromium || command -v chromium-browser || true)
fail() { echo "FAIL: $*"; exit 1; }

rm -rf "$room" && mkdir -p "$room" && cd "$room" || exit 1
"$make_study" study || fail "the fixture"
"$program" report study >said || fail "atelier report"
grep -q '^Run [0-9]* workers × 1 thread in bf16\.$' said || fail "the recommendation: $(head -n 1 said)"
[ "$(tail -n 1 said)" = study/report.html ] || fail "the page's name: $(tail -n 1 said)"
for form in html md csv json; do [ -s study/report.$form ] || fail "no report.$form"; done
"$make_study" batches compare || fail "the comparison's fixture"
"$program" report batches >said || fail "atelier report of a comparison"
grep -q '^16 workers × 1 thread paint [0-9.]* times as fast as one core, in bf16\.$' said || fail "what was found: $(head -n 1 said)"
for words in 'Workers over time' 'Who sat where' '64 workers: CPU 33 has worker 3<' '20 steps (21 calls of the UNet)' 'Likeness against speed'; do
  grep -q "$words" study/report.html || fail "the page has no '$words'"
done
cp study/report.html asked-study.html
cp batches/report.html asked-batches.html
"$program" report nowhere 2>err && fail "a report of nothing"
grep -q nowhere err || fail "what is missing: $(cat err)"
printf 'x\n' >>study/windows.jsonl
"$program" report study >said 2>err && fail "a report of a damaged record"
grep -q 'windows.jsonl:[0-9]' err || fail "the damaged line: $(cat err)"
if [ -z "$browser" ]; then
  echo "there is no Chromium here: the page was not opened"
  exit 77
fi

# What the script finds wrong, "ok" if nothing is. It opens every fold first. The page's policy forbids scripts, so it goes.
script='
const wrong = [], seen = e => e.getClientRects().length > 0;
const screen = document.getElementById("recommendation").getBoundingClientRect();
if (screen.bottom > innerHeight || screen.height < 40) wrong.push("the recommendation ends at " + screen.bottom + " of " + innerHeight);
if (!/^(Run [0-9]+ workers|[0-9]+ workers × 1 thread paint)/.test(document.querySelector("h1").textContent)) wrong.push("headline");
document.querySelectorAll("details").forEach(d => d.open = true);
if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page is " + document.documentElement.scrollWidth + " wide");
const luminance = c => { const [r, g, b] = c.match(/[0-9.]+/g).map(Number); return .2126 * (r / 255) ** 2.2 + .7152 * (g / 255) ** 2.2 + .0722 * (b / 255) ** 2.2; };
const card = luminance(getComputedStyle(document.querySelector("figure")).backgroundColor);
if ((card < .2) !== matchMedia("(prefers-color-scheme: dark)").matches) wrong.push("colours");
let charts = 0;
for (const svg of document.querySelectorAll("figure > svg")) {
  if (!seen(svg)) continue;
  charts++;
  const box = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll("text")], boxes = texts.map(t => t.getBoundingClientRect());
  texts.forEach((t, i) => {
    const b = boxes[i];
    if (b.left < box.left - 1 || b.right > box.right + 1 || b.top < box.top - 1 || b.bottom > box.bottom + 1)
      wrong.push(svg.getAttribute("aria-label") + ": outside: " + t.textContent);
    if (/nan|undefined|inf$/i.test(t.textContent)) wrong.push(t.textContent);
    const light = luminance(getComputedStyle(t).fill), contrast = (Math.max(light, card) + .05) / (Math.min(light, card) + .05);
    if (contrast < 4.5) wrong.push("contrast " + contrast.toFixed(1) + ": " + t.textContent);
    for (let k = 0; k < i; k++)
      if (b.left < boxes[k].right - 1 && boxes[k].left < b.right - 1 && b.top < boxes[k].bottom - 4 && boxes[k].top < b.bottom - 4)
        wrong.push(svg.getAttribute("aria-label") + ": overlap: " + t.textContent + " / " + texts[k].textContent);
  });
}
if (charts < 10) wrong.push(charts + " charts");
if (JSON.parse(document.getElementById("data").textContent).windows.length < 70) wrong.push("data");
if (performance.getEntriesByType("resource").length) wrong.push("it fetches something");
document.title = wrong.length ? wrong.slice(0, 12).join("; ") : "ok";'

for page in study batches; do
  grep -q "default-src 'none'" asked-$page.html || fail "the page of $page may fetch"
  sed -i -e '/Content-Security-Policy/d' -e '/^<\/html>/d' asked-$page.html
  printf '<script>%s</script></html>\n' "$script" >>asked-$page.html
  for width in 360 900 1600; do
    for scheme in 0 1; do # dark, light
      found=$(timeout 300 "$browser" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --user-data-dir="$room/profile" \
        --blink-settings=preferredColorScheme=$scheme --window-size=$width,780 --virtual-time-budget=3000 \
        --dump-dom "file://$room/asked-$page.html" 2>browser.err | sed -n 's#.*<title>\(.*\)</title>.*#\1#p' | head -n 1)
      [ "$found" = ok ] || fail "$page at $width px, $([ $scheme = 0 ] && echo dark || echo light): ${found:-$(tail -n 1 browser.err)}"
    done
  done
done
