/** Attributes of HTML and htmx that the JSX types do not know yet. */
declare namespace JSX {
  interface HtmlTag {
    popover?: '' | 'auto' | 'manual' | boolean;
  }
  interface HtmlButtonTag {
    command?: string;
    commandfor?: string;
    popovertarget?: string;
  }
}
