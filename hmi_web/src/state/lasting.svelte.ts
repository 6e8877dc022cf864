/** Makes an object whose derived fields outlive the component that happened to ask for it first. */
export function lasting<T>(make: () => T): T {
  let made: { it: T } | undefined;
  $effect.root(() => {
    made = { it: make() };
  });
  if (!made) throw new Error('nothing was made');
  return made.it;
}
