"""What axe finds wrong with a page."""

from typing import Final

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page

__all__ = ["colours", "serious"]

# The page sorts out what is serious, as all that axe tells is slow to bring over.
RUN: Final = """async (nodes, options) => {
  const found = await axe.run(nodes, { resultTypes: ["violations"], ...options });
  return found.violations
    .filter((one) => ["serious", "critical"].includes(one.impact))
    .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 200)}`));
}"""
RULES: Final = ("color-contrast", "link-in-text-block")
ALL: Final = f"""([rules, all]) => {{
  const off = Object.fromEntries(rules.map((rule) => [rule, {{ enabled: all }}]));
  return ({RUN})(document, {{ rules: off }});
}}"""
# Whether text can be read depends on its own style and on the grounds of what it is in. What has
# been looked at once is not looked at again, unless it floats above something else.
COLOURS: Final = f"""async ([rules, seen]) => {{
  const known = new Set(seen), grounds = new Map(), fresh = [], nodes = [];
  const short = (text) => {{
    let sum = 0n;
    for (let at = 0; at < text.length; at++) {{
      sum = BigInt.asUintN(64, (sum ^ BigInt(text.charCodeAt(at))) * 1099511628211n);
    }}
    return sum.toString(36);
  }};
  const faded = (node) =>
    node && (getComputedStyle(node).opacity !== "1" || faded(node.parentElement));
  const ground = (node) => {{
    if (!node) return "";
    if (grounds.has(node)) return grounds.get(node);
    const style = getComputedStyle(node);
    const floats = ["absolute", "fixed", "sticky"].includes(style.position);
    const own = [style.backgroundColor, style.backgroundImage, style.opacity];
    // What nothing shines through hides what is behind it.
    const covers = own[0].startsWith("rgb(") && own[1] === "none" && !faded(node);
    const behind = [ground(node.parentElement), floats ? location.href + innerWidth : ""];
    grounds.set(node, short([...own, ...(covers ? [] : behind)].join()));
    return grounds.get(node);
  }};
  for (const node of document.body.querySelectorAll("*")) {{
    const texts = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!(texts || node.matches("input, select, textarea")) || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const name = short([node.localName, style.color, style.fontSize, style.fontWeight,
      style.textShadow, style.textDecoration, getComputedStyle(node.parentElement).color,
      ground(node)].join());
    if (!known.has(name)) {{ known.add(name); fresh.push(name); nodes.push(node); }}
  }}
  const runOnly = {{ type: "rule", values: rules }};
  const found = nodes.length ? await ({RUN})({{ include: nodes }}, {{ runOnly }}) : [];
  return [found, fresh];
}}"""


def serious(page: Page, *, with_colours: bool = True) -> list[str]:
    """What would stop somebody: the rule, and where it is broken."""
    _inject(page)
    found: list[str] = page.evaluate(ALL, [RULES, with_colours])
    return found


def colours(page: Page, seen: set[str]) -> list[str]:
    """What cannot be read, among what does not look like what was `seen`, which grows by it."""
    _inject(page)
    found, fresh = page.evaluate(COLOURS, [RULES, list(seen)])
    seen.update(fresh)
    return list(found)


def _inject(page: Page) -> None:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
