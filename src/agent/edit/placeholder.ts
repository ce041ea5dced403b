const comment = /^[ \t]*(?:\/\/+|#+|\/\*+|<!--+|--+|;+|%+|\*+(?!\*)|\{\/\*+|\[|\(|"""|')?[ \t]*/;
const closing = /[ \t]*(?:\*+\/\}?|--+>|\]|\)|"""|')?[ \t\r]*$/;
const dots = /^(?:\.{3,}|…)|(?:\.{3,}|…)$/;
const omitted =
  /\b(rest|remainder|remaining|existing|unchanged|unmodified|previous|omitted|truncated|snip(ped)?|same|as before|stays?|remains?|keep|other|more|code|implementation|methods?|functions?|imports?|lines|content|file|here)\b/i;
const said =
  /^(the )?(rest|remainder|remaining|everything else)\b.*\b(unchanged|the same|same|as before|as is|omitted|unmodified|goes here|stays|remains?|follows)\b|^(existing|previous|other|remaining) (code|content|imports|methods|functions|implementation|lines)( (is|are|goes?|remains?|stays?|unchanged|here|omitted|the same|as before|as is)){1,4}$|^(code|content|lines|section|file) (omitted|unchanged|truncated|snipped)\b/i;
/** There three dots alone are a word of the language, or of the text. */
const speaksDots = /\.(pyi?|md|mdx|markdown|rst|txt|adoc|ya?ml|tex|html?)$|(^|\/)[^.]*$/i;

/** A line that stands for lines the writer left out: "...", "// ... existing code ...". As context it is a gap. */
export function isElision(text: string): boolean {
  if (text.length > 200) return false;
  const inner = innerOf(text);
  return (
    /^(?:\.{3,}|…)$/.test(inner) || (/^(?:\.{3,}|…)\s/.test(inner) && omitted.test(inner)) || said.test(inner)
  );
}

/**
 * A line that stands for others and was added, so that it would become a part of the file. Three dots alone, in
 * languages where they mean something, are not; nor is `...rest` without a space.
 */
export function isPlaceholder(text: string, path: string): boolean {
  if (text.length > 200) return false;
  const inner = innerOf(text);
  if (inner === '') return false;
  const marked = inner !== text.trim();
  if (/^(?:\.{3,}|…)$/.test(inner)) return marked ? !/^[ \t]*[['("*]/.test(text) : !speaksDots.test(path);
  if (dots.test(inner) && omitted.test(inner)) {
    if (marked && !/^[ \t]*[['(*"]/.test(text))
      return /^(?:\.{3,}|…)/.test(inner) || said.test(inner.replace(dots, '').trim());
    return /^(?:\.{3,}|…)\s+\w+ \w+/.test(inner) && !/[,;(){}=]$/.test(inner);
  }
  return marked && said.test(inner);
}

function innerOf(text: string): string {
  return text.replace(comment, '').replace(closing, '').trim();
}
