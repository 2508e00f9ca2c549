/** The prompts of this door: texts that tell an agent how to begin. */
export const GUIDES = [
  { name: 'getting-started', title: 'Getting started', description: 'How to work with files, events and jobs here.' },
];

const TEXT = `You work in a Nexus zone. Begin like this:
1. whoami says who you are, your role and your zone.
2. list_files with {"path": "/"} shows what you may read; find_files and search_files find by name and by content.
3. read_file, edit_file and write_file work on single files; each write makes a version, and list_versions shows them.
4. Long work is a job: submit_job starts it, get_job says how it stands.
5. list_events tells what changed and who did it.
6. Whatever else you need: search_tools with a few words, then call_tool.
A refusal says what was missing; its suggested_tools help on.`;

export const GUIDE = {
  description: 'How to begin',
  messages: [{ role: 'user' as const, content: { type: 'text' as const, text: TEXT } }],
};
