using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>A local chroot store in which Nix 2.8 has built graph.nix: the truth that commands are measured by.</summary>
internal sealed class SourceStore
{
    private static readonly string[] Built = ["dep", "top", "imported", "cached", "handed", "logged", "signed", "unrooted", "upstream", "fetched"];
    private readonly NixClient _nix;
    private readonly Dictionary<string, string> _words = [];

    /// <param name="folder">Gets the store, and the expression with its source.</param>
    public SourceStore(string folder)
    {
        Root = Directory.CreateDirectory(folder + "/store").FullName;
        _nix = new NixClient(NixRelease.Open(NixRelease.Bookworm), folder);
        Directory.CreateDirectory(folder + "/source");
        File.WriteAllText(folder + "/source/text", "a source\n");
        _words["EXPR"] = folder + "/graph.nix";
        File.Copy(Path.Combine(Programs.Repository, "tests/NixFuseStore.EndToEnd.Tests/NixCommands/graph.nix"), this["EXPR"]);

        foreach (var name in (string[])[.. Built, "unbuilt"])
        {
            _words[name.ToUpperInvariant() + ".drv"] = Nix("nix-instantiate", this["EXPR"], "-A", name)[0];
        }

        Nix(["nix-store", "--realise", .. Built.Select(name => this[name.ToUpperInvariant() + ".drv"]),
            "--option", "sandbox", "true", "--option", "sandbox-paths", "/usr /bin /lib /lib64"]);
        foreach (var name in Built)
        {
            foreach (var output in Nix("nix-store", "--query", "--outputs", this[name.ToUpperInvariant() + ".drv"]))
            {
                _words[output.EndsWith("-lib", StringComparison.Ordinal) ? "LIB" : name.ToUpperInvariant()] = output;
            }
        }

        _words["SOURCE"] = Nix("nix-store", "--query", "--references", this["TOP.drv"]).Single(path => path.EndsWith("-source", StringComparison.Ordinal));
        _words["MISSING"] = "/nix/store/00000000000000000000000000000000-missing";
        Closure = Nix("nix-store", "--query", "--requisites", "--include-outputs", this["TOP.drv"]);
    }

    /// <summary>The store's root folder, which is its URL as well.</summary>
    public string Root { get; }

    /// <summary>What the store's own database says.</summary>
    public RealStore Store => RealStore.At(Root);

    /// <summary>Everything that TOP.drv and TOP refer to, directly or not, with both.</summary>
    public IReadOnlyList<string> Closure { get; }

    /// <summary>What a word of a command line stands for: TOP, LIB, DEP and so on for outputs, TOP.drv for a derivation, EXPR for graph.nix.</summary>
    public string this[string word] => _words[word];

    /// <summary>A command line with its words replaced by what they stand for.</summary>
    public string[] Expand(string line) => line.Split(' ').Select(word => _words.GetValueOrDefault(word, word)).ToArray();

    /// <summary>Copies a path and what it needs to another chroot store, past any daemon.</summary>
    public void CopyTo(string root, string path) => Nix("nix", "copy", "--no-check-sigs", "--to", root, path);

    public IReadOnlyList<string> Requisites(string word) => Nix("nix-store", "--query", "--requisites", this[word]);

    private string[] Nix(params IEnumerable<string> command) => _nix.Run(Root, command).Lines();
}
