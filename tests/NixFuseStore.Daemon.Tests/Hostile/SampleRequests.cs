using NixFuseStore.Daemon.Protocol;
using NixFuseStore.Daemon.Tests.Clients;
using NixFuseStore.Daemon.Tests.Operations;
using NixFuseStore.Daemon.Tests.Stores;
using NixFuseStore.Nix;
using static NixFuseStore.Daemon.Tests.Stores.SampleStore;

namespace NixFuseStore.Daemon.Tests.Hostile;

/// <summary>One sound request for each operation, in the encoding of a version.</summary>
internal static class SampleRequests
{
    private static readonly string RealisationId = $"sha256:{new string('a', 64)}!out";

    internal static IReadOnlyList<byte[]> All(int minor) => [.. Enum.GetValues<Operation>().Select(operation => Write(operation, minor))];

    internal static byte[] Write(Operation operation, int minor)
    {
        var bytes = new WireBytes();
        if (operation == Operation.SetOptions)
        {
            return MaintenanceTests.SetOptions(bytes, 3, true, "sandbox", "false", "unknown", "x").ToArray();
        }

        bytes.Number((ulong)operation);
        string file = StoreDirectory.Default.Print(Hello);
        string outputs = StoreDirectory.Default.Print(Derivation2) + "!out";
        _ = operation switch
        {
            Operation.AddToStore => AddToStore(bytes, minor),
            Operation.AddTextToStore => bytes.Text("r.txt").Text(ReferrerContents).Texts(StoreDirectory.Default.Print(Text)),
            Operation.BuildPaths or Operation.BuildPathsWithResults => bytes.Texts(file, outputs).Number(0),
            Operation.QueryMissing => bytes.Texts(file, outputs),
            Operation.SyncWithGC or Operation.FindRoots or Operation.QueryAllValidPaths or Operation.QueryFailedPaths or Operation.OptimiseStore => bytes,
            Operation.AddIndirectRoot => bytes.Text("/home/me/result"),
            Operation.AddPermRoot => bytes.Text(file).Text("/link"),
            Operation.ExportPath => bytes.Text(file).Number(0),
            Operation.CollectGarbage => bytes.Number(1).Texts(file).Number(0).Number(7).Number(0).Number(0).Number(0),
            Operation.ClearFailedPaths or Operation.QuerySubstitutablePaths => bytes.Texts(file),
            Operation.ImportPaths => bytes.Bytes(Recording.Load("export.txt").FromServer),
            Operation.QueryPathFromHashPart => bytes.Text(Hello.HashPart),
            Operation.QuerySubstitutablePathInfos => minor >= 22 ? bytes.Number(1).Text(file).Text("") : bytes.Texts(file),
            Operation.QueryValidPaths => minor >= 27 ? bytes.Texts(file).Number(1) : bytes.Texts(file),
            Operation.VerifyStore => bytes.Number(1).Number(0),
            Operation.BuildDerivation => BuildDerivation(bytes),
            Operation.AddSignatures => bytes.Text(file).Texts(Signed().Signatures[0].ToString()),
            Operation.AddToStoreNar => AddNar(bytes, minor),
            Operation.RegisterDrvOutput => minor >= 31
                ? bytes.Text($$"""{"id":"{{RealisationId}}","outPath":"{{Hello}}"}""")
                : bytes.Text(RealisationId).Text(Hello.BaseName),
            Operation.QueryRealisation => bytes.Text(RealisationId),
            Operation.AddMultipleToStore => AddMultiple(bytes),
            Operation.AddBuildLog => bytes.Text(Derivation1.BaseName).Framed("a line\n"u8, 3),
            Operation.QueryDerivationOutputs or Operation.QueryDerivationOutputNames or Operation.QueryDerivationOutputMap => bytes.Path(Derivation2),
            _ => bytes.Text(file),
        };
        return bytes.ToArray();
    }

    private static PathInfo Signed() => Describe(Output2, "x"u8.ToArray(), null, Output1).WithSignature(StoreDirectory.Default, Key);

    private static WireBytes AddToStore(WireBytes bytes, int minor) => minor >= 25
        ? bytes.Text("new").Text("fixed:r:sha256").Texts(StoreDirectory.Default.Print(Text)).Number(0).Framed(NarFile.Of("new"), 50)
        : bytes.Text("new").Number(1).Number(0).Text("sha1").Raw(NarFile.Of("new"));

    private static WireBytes AddNar(WireBytes bytes, int minor)
    {
        bytes.Info(Signed()).Number(0).Number(1);
        byte[] nar = NarFile.Of("x");
        return minor switch
        {
            >= 23 => bytes.Framed(nar, 50),
            >= 21 => bytes.Bytes(nar),
            _ => bytes.Raw(nar),
        };
    }

    private static WireBytes AddMultiple(WireBytes bytes)
    {
        var content = new WireBytes().Number(2).Info(Signed()).Raw(NarFile.Of("x"));
        content.Info(Describe(Output2Lib, "y"u8.ToArray(), null, Output2)).Raw(NarFile.Of("y"));
        return bytes.Number(0).Number(1).Framed(content.ToArray(), 200);
    }

    private static WireBytes BuildDerivation(WireBytes bytes) => bytes
        .Path(FixedDerivation)
        .Number(1).Text("out").Path(FixedOutput).Text("sha256").Text("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")
        .Number(0).Text("x86_64-linux").Text("/bin/sh").Texts("-c", "true").Number(1).Text("name").Text("fod.txt").Number(0);
}
