namespace NixFuseStore.Storage.Metadata;

/// <summary>Bearer tokens. The database holds their hashes only.</summary>
public interface ITokenCatalog
{
    /// <summary>Stores a token and returns its row.</summary>
    Task<TokenRecord> CreateTokenAsync(NewToken token, CancellationToken cancellationToken = default);

    /// <summary>The token with that SHA-256, revoked or not, or null.</summary>
    Task<TokenRecord?> FindTokenAsync(ReadOnlyMemory<byte> hash, CancellationToken cancellationToken = default);

    /// <summary>Which of the tokens with these SHA-256 are there and not revoked, in the order asked. One statement.</summary>
    Task<IReadOnlyList<bool>> AreTokensActiveAsync(IReadOnlyList<byte[]> hashes, CancellationToken cancellationToken = default);

    /// <summary>All tokens, oldest first, revoked ones included.</summary>
    Task<IReadOnlyList<TokenRecord>> ListTokensAsync(CancellationToken cancellationToken = default);

    /// <summary>Whether any token was ever made; while there is none, only loopback is served.</summary>
    Task<bool> AnyTokenAsync(CancellationToken cancellationToken = default);

    /// <summary>Revokes a token; false where there is none of that number or it was revoked before.</summary>
    Task<bool> RevokeTokenAsync(long id, CancellationToken cancellationToken = default);

    /// <summary>Notes that a token was used. Callers do so rarely (say, hourly); it is for people who tidy up.</summary>
    Task TouchTokenAsync(long id, CancellationToken cancellationToken = default);
}
