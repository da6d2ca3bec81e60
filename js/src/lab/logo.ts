// A gate and what it controls, on two wires.
const drawn = (colour: string, name: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16" viewBox="0 0 16 16">
  <g ${name} fill="none" stroke="${colour}" stroke-width="1.4" stroke-linecap="round">
    <path d="M1 4.6h2.6M10.2 4.6H15M1 11.9h14M3.6 1.8h6.6v5.6H3.6zM6.9 7.4v6.7"/>
    <circle cx="6.9" cy="11.9" r="2.2"/>
  </g>
</svg>`;

/** JupyterLab colours it by the class. */
export const LOGO = drawn("#616161", 'class="jp-icon3"');

/** On a card of the launcher it stands beside logos of kernels, on light and dark. */
export const CARD = `data:image/svg+xml,${encodeURIComponent(drawn("#3f7fd6", ""))}`;
