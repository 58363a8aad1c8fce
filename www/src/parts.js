// The parts of a lab whose views are the engine's: the picture with its story, the time controls, the steps.
// Each shows its static content until the engine has arrived.

import { dress } from './dom.js';
import { readyLab } from './terminal.js';

class Part extends HTMLElement {
  #mounted = null;

  async connectedCallback() {
    if (this.#mounted) return;
    this.#mounted = dress(this, '<slot></slot>');
    const lab = await readyLab(this);
    if (!lab) return;
    const place = document.createElement('div');
    place.className = 'mount';
    this.#mounted.replaceChildren(place);
    try {
      this.mount(lab.session, place);
    } catch (error) {
      lab.broke(error);
    }
  }
}

/** `<tabernetes-diagram>` */
export class TabernetesDiagram extends Part {
  mount(session, place) {
    session.mount_diagram(place);
    // The drawing is made for the room it has.
    const measure = () => session.set_width(place.clientWidth);
    new ResizeObserver(measure).observe(place);
    measure();
  }
}

/** `<tabernetes-time>` */
export class TabernetesTime extends Part {
  mount(session, place) {
    session.mount_time(place);
  }
}

/** `<tabernetes-steps>` */
export class TabernetesSteps extends Part {
  mount(session, place) {
    session.mount_steps(place);
  }
}
