/** A comment in front of a statement that names caller and trace in the database's own logs. Nothing in it can end the comment. */
export function writeNote(note: string): string {
  return `/* ${note.replace(/[^\w.:=@ -]/g, "_").slice(0, 200)} */ `;
}
