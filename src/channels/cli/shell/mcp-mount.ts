/** Mounting an MCP server: nobody sends the key of Nexus to that server by naming its address as the one of Nexus. */
import { UsageError } from '../command.ts';
import { altered, derivedCommand } from '../derived.ts';
import { show } from '../show.ts';

const added = derivedCommand('mcp-mount add', show);

export const mcpMountAdd = altered(added, {
  run: async (scene, typed) => {
    const { url, 'mount-url': mountUrl, command } = typed.options;
    // That server would refuse it, but would have been sent the key by then.
    if (url !== undefined && mountUrl === undefined && command === undefined) {
      const hint = '--url is the Nexus server that is asked, and nothing was sent to it';
      throw new UsageError(`mcp-mount add needs --mount-url or --command; ${hint}`, { ofForm: true });
    }
    return added.run(scene, typed);
  },
});
