using System.Security.Cryptography;
using NixFuseStore.Nix.Tests.Archives;

namespace NixFuseStore.Nix.Tests;

// Vectors made with Nix 2.8.0: the file "hello\n" under several names and methods.
public sealed class StorePathComputationTests
{
    private static readonly byte[] Contents = "hello\n"u8.ToArray();

    [Theory]
    [InlineData(ContentAddressMethod.Nar, NixHashAlgorithm.Sha256, "i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt")]
    [InlineData(ContentAddressMethod.Nar, NixHashAlgorithm.Sha1, "hzq8n5jpi3g2d0xhlvqd8q1gx5c9s6i3-hello.txt")]
    [InlineData(ContentAddressMethod.Nar, NixHashAlgorithm.Md5, "l2ycihp9r6lnfifs72r40m62fwicg5iz-hello.txt")]
    [InlineData(ContentAddressMethod.Nar, NixHashAlgorithm.Sha512, "8xkszhbayigjg9vbrrxfa1hp9qflbh6b-hello.txt")]
    [InlineData(ContentAddressMethod.Flat, NixHashAlgorithm.Sha256, "gy454w1cxaq731grqwylhzf4pp9r5izh-hello.txt")]
    [InlineData(ContentAddressMethod.Flat, NixHashAlgorithm.Sha1, "svdva85yi507g9vncgsaxvnd1r808h4w-hello.txt")]
    [InlineData(ContentAddressMethod.Flat, NixHashAlgorithm.Md5, "dra1cz5vbrhclpv4y1q0psnbkxz581bk-hello.txt")]
    [InlineData(ContentAddressMethod.Flat, NixHashAlgorithm.Sha512, "9a8mxachqmcv8x2cfijdps9dyxgyyrzm-hello.txt")]
    public void MakeFixed_OfOneFile_IsNixsPath(ContentAddressMethod method, NixHashAlgorithm algorithm, string expected)
    {
        byte[] hashed = method == ContentAddressMethod.Nar ? NarVectors.Hello : Contents;
        var address = new ContentAddress(method, new NixHash(algorithm, Digest(algorithm, hashed)));
        Assert.Equal(expected, StorePathComputation.MakeFixed(StoreDirectory.Default, "hello.txt", address).BaseName);
    }

    [Fact]
    public void MakeFixed_OfADirectory_IsNixsPath()
    {
        var address = new ContentAddress(ContentAddressMethod.Nar, NixHash.Sha256(NarVectors.Tiny));
        Assert.Equal("8c1qmn8rcr36fdgk2fkgdxmdhkkr4gk9-tiny", StorePathComputation.MakeFixed(StoreDirectory.Default, "tiny", address).BaseName);
    }

    [Fact]
    public void MakeText_WithAndWithoutReferences_IsNixsPath()
    {
        var t = StorePathComputation.MakeText(StoreDirectory.Default, "t.txt", NixHash.Sha256(Contents), []);
        Assert.Equal("nj4j70xcnmcdh9y4yfs0ddw3hhli4880-t.txt", t.BaseName);

        var contents = NixHash.Sha256("see /nix/store/nj4j70xcnmcdh9y4yfs0ddw3hhli4880-t.txt\n"u8);
        Assert.Equal(
            "iiq4glqryb8qmxvvnncqk5qzxykfqvrw-r.txt",
            StorePathComputation.MakeText(StoreDirectory.Default, "r.txt", contents, [t]).BaseName);
    }

    // The hash is that of the NAR modulo the path itself, as Nix 2.8.0 computes it.
    [Fact]
    public void MakeFixed_OfAFileThatRefersToItself_IsNixsPath()
    {
        var address = ContentAddress.Parse("fixed:r:sha256:0ys2nhqfxdanjy93wm174l8gxbwzllb9qsmxkw7cvgrq90s372v6");
        Assert.Equal(
            "c0s0sinnjqcd858h2lnk879jcixgh3h0-self",
            StorePathComputation.MakeFixed(StoreDirectory.Default, "self", address, refersToItself: true).BaseName);
    }

    [Fact]
    public void MakeFixed_ReferencesWhereNoneCanBe_Throws()
    {
        var address = new ContentAddress(ContentAddressMethod.Flat, NixHash.Sha256(Contents));
        Assert.Throws<ArgumentException>(() => StorePathComputation.MakeFixed(StoreDirectory.Default, "x", address, refersToItself: true));
    }

    [Fact]
    public void MakeFixed_InAnotherStoreDirectory_IsAnotherPath()
    {
        var address = new ContentAddress(ContentAddressMethod.Nar, NixHash.Sha256(NarVectors.Hello));
        Assert.NotEqual(
            StorePathComputation.MakeFixed(StoreDirectory.Default, "hello.txt", address),
            StorePathComputation.MakeFixed(new StoreDirectory("/gnu/store"), "hello.txt", address));
    }

    private static byte[] Digest(NixHashAlgorithm algorithm, byte[] bytes) => algorithm switch
    {
#pragma warning disable CA5350, CA5351 // Old fixed outputs use weak hashes; their paths have to be computed all the same.
        NixHashAlgorithm.Md5 => MD5.HashData(bytes),
        NixHashAlgorithm.Sha1 => SHA1.HashData(bytes),
#pragma warning restore CA5350, CA5351
        NixHashAlgorithm.Sha256 => SHA256.HashData(bytes),
        _ => SHA512.HashData(bytes),
    };
}
