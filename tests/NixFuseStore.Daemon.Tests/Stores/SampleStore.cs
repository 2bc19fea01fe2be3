using System.Text;
using NixFuseStore.Nix;

namespace NixFuseStore.Daemon.Tests.Stores;

/// <summary>A store with a few objects of Nix's own making: files, texts, and derivations with each other as inputs.</summary>
internal static class SampleStore
{
    internal static readonly NixSecretKey Key =
        NixSecretKey.Parse("test-key-1:EZkVpN96semNNNgYoh8/9bHoESQ01MXuQpKN7yZOaM53UTBYuhGZQ3k8ueiJASwXIxCRdnNCTE5077snUlnj/A==");

    internal static readonly StorePath Hello = StorePath.ParseBaseName("i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt");
    internal static readonly StorePath Text = StorePath.ParseBaseName("nj4j70xcnmcdh9y4yfs0ddw3hhli4880-t.txt");
    internal static readonly StorePath Referrer = StorePath.ParseBaseName("iiq4glqryb8qmxvvnncqk5qzxykfqvrw-r.txt");
    internal static readonly StorePath Derivation1 = StorePath.ParseBaseName("kf3myksh69b2qrdkjv8nwfj9wcl7pqs2-d1.drv");
    internal static readonly StorePath Output1 = StorePath.ParseBaseName("ms9gvp0dr3rpypcmcc4wj0ywygmj9dk1-d1");
    internal static readonly StorePath FixedDerivation = StorePath.ParseBaseName("ya00ms58c98mfa61kqgq4m3lsprb150q-fod.txt.drv");
    internal static readonly StorePath FixedOutput = StorePath.ParseBaseName("1ijqscvmqb6qqvnh2f9rk95bnd5w2ig8-fod.txt");
    internal static readonly StorePath Derivation2 = StorePath.ParseBaseName("gx30927i014sppyns5075zdl0jvrk57s-d2.drv");
    internal static readonly StorePath Output2 = StorePath.ParseBaseName("ps4g84418h0d4cavn2k8fkxgnz2p383l-d2");
    internal static readonly StorePath Output2Lib = StorePath.ParseBaseName("aakzqgv97l93kb6r4yabd5wxxlamwpkc-d2-lib");
    internal static readonly StorePath Missing = StorePath.ParseBaseName("00000000000000000000000000000000-missing");

    internal const string ReferrerContents = "see /nix/store/nj4j70xcnmcdh9y4yfs0ddw3hhli4880-t.txt\n";

    private static readonly (PathInfo Info, byte[] Nar)[] Objects =
    [
        File(Hello, "hello\n"u8.ToArray(), ContentAddressMethod.Nar),
        File(Text, "hello\n"u8.ToArray(), ContentAddressMethod.Text),
        File(Referrer, Encoding.ASCII.GetBytes(ReferrerContents), ContentAddressMethod.Text, Text),
        File(Derivation1, ReadDerivation("d1.drv"), ContentAddressMethod.Text),
        File(FixedDerivation, ReadDerivation("fod.drv"), ContentAddressMethod.Text),
        File(Derivation2, ReadDerivation("d2.drv"), ContentAddressMethod.Text, Hello, Derivation1, FixedDerivation),
        File(Output1, "hi\n"u8.ToArray(), method: null),
        File(FixedOutput, "hello\n"u8.ToArray(), ContentAddressMethod.Flat),
    ];

    /// <summary>All objects but the outputs of the second derivation.</summary>
    internal static MemoryDaemonStore Create()
    {
        var store = new MemoryDaemonStore();
        foreach (var (info, nar) in Objects)
        {
            store.Add(info, nar);
        }

        return store;
    }

    /// <summary>Contents of a derivation of the samples, as Nix wrote it.</summary>
    internal static byte[] ReadDerivation(string name) =>
        System.IO.File.ReadAllBytes(Path.Join(AppContext.BaseDirectory, "TestVectors", name));

    /// <summary>What is recorded of a file.</summary>
    internal static PathInfo Describe(StorePath path, byte[] contents, ContentAddressMethod? method, params StorePath[] references)
    {
        byte[] nar = NarFile.Of(contents);
        return new PathInfo
        {
            Path = path,
            NarHash = NixHash.Sha256(nar),
            NarSize = (ulong)nar.Length,
            References = [.. references.Order()],
            RegistrationTime = 1_700_000_000,
            ContentAddress = method is { } kind
                ? new ContentAddress(kind, NixHash.Sha256(kind == ContentAddressMethod.Nar ? nar : contents))
                : null,
        };
    }

    private static (PathInfo Info, byte[] Nar) File(
        StorePath path, byte[] contents, ContentAddressMethod? method, params StorePath[] references) =>
        (Describe(path, contents, method, references), NarFile.Of(contents));
}
