using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Cryptography;

/// <summary>The functions of OpenSSL 3's libcrypto that are called here.</summary>
internal static unsafe partial class CryptoCalls
{
    private const string Library = "libcrypto.so.3";

    internal const int KeyTypeEd25519 = 1087; // EVP_PKEY_ED25519, which is NID_ED25519

    [LibraryImport(Library)]
    internal static partial nint EVP_PKEY_new_raw_private_key(int type, nint engine, byte* key, nuint length);

    [LibraryImport(Library)]
    internal static partial nint EVP_PKEY_new_raw_public_key(int type, nint engine, byte* key, nuint length);

    [LibraryImport(Library)]
    internal static partial int EVP_PKEY_get_raw_public_key(Ed25519SigningKey key, byte* bytes, nuint* length);

    [LibraryImport(Library)]
    internal static partial void EVP_PKEY_free(nint key);

    [LibraryImport(Library)]
    internal static partial nint EVP_MD_CTX_new();

    [LibraryImport(Library)]
    internal static partial void EVP_MD_CTX_free(nint context);

    [LibraryImport(Library)]
    internal static partial int EVP_DigestSignInit(nint context, nint keyContext, nint digest, nint engine, Ed25519SigningKey key);

    [LibraryImport(Library)]
    internal static partial int EVP_DigestSign(nint context, byte* signature, nuint* signatureLength, byte* message, nuint messageLength);

    [LibraryImport(Library)]
    internal static partial int EVP_DigestVerifyInit(nint context, nint keyContext, nint digest, nint engine, nint key);

    [LibraryImport(Library)]
    internal static partial int EVP_DigestVerify(nint context, byte* signature, nuint signatureLength, byte* message, nuint messageLength);

    // A refused signature leaves entries in the thread's error queue, which other users of OpenSSL would read as their own.
    [LibraryImport(Library)]
    internal static partial void ERR_clear_error();
}
