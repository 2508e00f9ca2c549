/**
 * Loaded into npm where it runs on an older Node than the pinned one (setup.mjs): npm leaves out optional packages, as those of
 * native code are, that are not for the Node it runs on. They are for the pinned one, which is what this one says it is.
 * Plain JavaScript for Node 18 and newer.
 */
const { optionalDependencies } = require('../package.json');
const pinned = Object.keys(optionalDependencies).find((name) => /^node-/.test(name));
Object.defineProperty(process, 'version', { value: `v${optionalDependencies[pinned]}` });
