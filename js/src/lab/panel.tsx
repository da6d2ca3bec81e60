// The sidebar as a widget of JupyterLab.
import { render } from "preact";
import type { Desk } from "./desk";
import type { Host, LabIcon, Widget } from "./host";
import { type Doings, Sidebar } from "./view";

export const PANEL = "quantumflow-sidebar";

/** Made anew for each host, since its base class comes from there. */
export function panelOf(host: Host, desk: Desk, doings: Doings, icon: LabIcon, shown: (yes: boolean) => void): Widget {
  class Panel extends host.widgets.Widget {
    constructor() {
      super();
      this.id = PANEL;
      this.title.icon = icon;
      this.title.caption = "QuantumFlow runs";
      this.node.setAttribute("role", "region");
      this.node.setAttribute("aria-label", "QuantumFlow runs");
      this.node.classList.add("qf-widget", "qf-side-panel");
      render(<Sidebar desk={desk} doings={doings} />, this.node);
    }

    override onAfterAttach(): void {
      shown(this.isVisible);
    }

    override onAfterShow(): void {
      shown(true);
    }

    override onAfterHide(): void {
      shown(false);
    }

    override dispose(): void {
      shown(false);
      render(null, this.node);
      super.dispose();
    }
  }
  return new Panel();
}
