// The one script of a page: defines the elements, and makes our own pages lively. On somebody else's page it defines
// the elements and touches nothing else. Every path is taken from where this file lies.

import { TabernetesLab } from './lab.js';
import { TabernetesTerminal } from './terminal.js';
import { TabernetesDiagram, TabernetesSteps, TabernetesTime } from './parts.js';
import { enhancePage } from './page.js';

const elements = {
  'tabernetes-terminal': TabernetesTerminal,
  'tabernetes-diagram': TabernetesDiagram,
  'tabernetes-time': TabernetesTime,
  'tabernetes-steps': TabernetesSteps,
  // Last: a lab looks for the parts inside of it.
  'tabernetes-lab': TabernetesLab,
};

for (const [name, element] of Object.entries(elements)) {
  if (!customElements.get(name)) customElements.define(name, element);
}

if (document.body?.classList.contains('tn-page')) enhancePage();
