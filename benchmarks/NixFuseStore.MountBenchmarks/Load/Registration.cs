using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.MountBenchmarks.Load;

/// <summary>One path to be registered, with its request as it goes over the socket.</summary>
/// <param name="Path">The full store path.</param>
/// <param name="Request">The whole request; it awaits no answer in between.</param>
/// <param name="IsAnsweredByPath">Whether the response holds the path's info; it is empty otherwise.</param>
internal sealed record Registration(string Path, byte[] Request, bool IsAnsweredByPath)
{
    private const ulong AddToStore = 7;
    private const ulong AddToStoreNar = 39;
    private const int PathHashBytes = 20;

    /// <summary>A content-addressed text.</summary>
    public static Registration OfText(string name, string text, params string[] references)
    {
        var contents = Encoding.UTF8.GetBytes(text);
        var path = StorePathComputation.MakeText(StoreDirectory.Default, name, Sha256(contents), references.Select(StoreDirectory.Default.Parse));
        var request = new WireWriter().Number(AddToStore).Text(name).Text("text:sha256").Texts(references).Number(0).Framed(contents);
        return new(StoreDirectory.Default.Print(path), request.ToArray(), IsAnsweredByPath: true);
    }

    /// <summary>A content-addressed file, as Nix adds it by its NAR.</summary>
    public static Registration OfSource(string name, string text)
    {
        var nar = NarOf(text);
        var address = new ContentAddress(ContentAddressMethod.Nar, Sha256(nar));
        var path = StorePathComputation.MakeFixed(StoreDirectory.Default, name, address);
        return OfNar(path, nar, address.ToString());
    }

    /// <summary>An input-addressed path of one file, as a build or a copy makes it.</summary>
    public static Registration OfOutput(string name, string text)
    {
        var nar = NarOf(text);
        return OfNar(StorePath.Create(SHA256.HashData(nar).AsSpan(0, PathHashBytes), name), nar, contentAddress: "");
    }

    private static Registration OfNar(StorePath path, byte[] nar, string contentAddress)
    {
        var full = StoreDirectory.Default.Print(path);
        var request = new WireWriter().Number(AddToStoreNar)
            // Path, no deriver, hash, no references, time, size, not ultimate, no signatures, the content address if there is one.
            .Text(full).Text("").Text(Convert.ToHexStringLower(SHA256.HashData(nar))).Texts([]).Number(0).Number((ulong)nar.Length).Number(0).Texts([])
            .Text(contentAddress)
            // No repair; signatures are not checked.
            .Number(0).Number(1)
            .Framed(nar);
        return new(full, request.ToArray(), IsAnsweredByPath: false);
    }

    private static byte[] NarOf(string text)
    {
        var contents = Encoding.UTF8.GetBytes(text);
        var archive = new MemoryStream();
        var writer = new NarWriter(archive);
        writer.BeginFile([], executable: false, (ulong)contents.Length);
        writer.FileData(contents);
        writer.EndFile();
        return archive.ToArray();
    }

    private static NixHash Sha256(byte[] bytes) => new(NixHashAlgorithm.Sha256, SHA256.HashData(bytes));
}
