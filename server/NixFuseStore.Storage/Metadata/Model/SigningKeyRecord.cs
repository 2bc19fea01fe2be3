namespace NixFuseStore.Storage.Metadata;

/// <summary>A key that a store signs its paths with. All servers of a store read the same keys.</summary>
/// <param name="PublicKey"><c>name:base64</c>.</param>
/// <param name="SecretKey"><c>name:base64</c>; never shown to anyone.</param>
/// <param name="Created">Seconds since 1970.</param>
public sealed record SigningKeyRecord(string PublicKey, string SecretKey, long Created)
{
    /// <summary>Leaves the secret out.</summary>
    public override string ToString() => PublicKey;
}
