using System.Runtime.CompilerServices;

// The tests compare the raw layer with the header and call it with what the public classes would never hand down.
[assembly: InternalsVisibleTo("Tests")]
