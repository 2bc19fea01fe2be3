using System.Text;
using Grpc.Core;
using NixFuseStore.Server.Base;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Access;

/// <summary>The one place that decides who may do what. Calls may overlap.</summary>
internal sealed class AccessControl(TokenDirectory tokens, StoreNames stores)
{
    private const string BearerScheme = "Bearer ";
    private const string BasicScheme = "Basic ";

    /// <summary>Finds out who calls.</summary>
    /// <exception cref="RpcException">UNAUTHENTICATED: no principal that may call at all.</exception>
    public async ValueTask<Principal> AuthenticateAsync(HttpContext context, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var authorization = context.Request.Headers.Authorization.ToString();
        if (authorization.Length > 0)
        {
            var token = TokenOf(authorization) is { } text ? await tokens.FindAsync(text).ConfigureAwait(false) : null;
            if (token is null)
            {
                throw new RpcException(new Status(StatusCode.Unauthenticated, "the token is not known here, has expired, or was revoked"));
            }

            ConnectionTable.Know(context);
            return Principal.Of(token);
        }

        if (await tokens.AnyAsync().ConfigureAwait(false))
        {
            throw new RpcException(new Status(
                StatusCode.Unauthenticated, "this server asks for a token: give one with --token-file FILE or in NIXFUSE_TOKEN"));
        }

        if (LocalPeer.WhyRefused(context) is { } reason)
        {
            throw new RpcException(new Status(
                StatusCode.Unauthenticated,
                $"no token was made yet, so {reason}: make one on the server with 'nixfuse-server token create --store NAME --rights read'"));
        }

        ConnectionTable.Know(context);
        return Principal.Loopback;
    }

    /// <summary>Holds the access of a call of long duration that <see cref="AuthenticateAsync"/> has let in.</summary>
    public TokenHold Hold(HttpContext context)
    {
        var authorization = context.Request.Headers.Authorization.ToString();
        return tokens.Holds.Hold(authorization.Length > 0 ? TokenOf(authorization) : null);
    }

    /// <summary>Finds a store in which the principal has a right.</summary>
    /// <exception cref="RpcException">PERMISSION_DENIED; or NOT_FOUND, for those who may read every store.</exception>
    public async ValueTask<StoreRecord> RequireAsync(Principal principal, string store, AccessRights right, CancellationToken cancellation)
    {
        var record = await stores.FindAsync(store, cancellation).ConfigureAwait(false);
        if (record is null)
        {
            // A caller that may not read everything is told the same of stores that are there and of those that are not.
            throw principal.ReadsEverywhere
                ? new RpcException(new Status(StatusCode.NotFound, $"there is no store '{store}' here"))
                : Denied(store, AccessRights.Read);
        }

        var rights = principal.RightsIn(record.Id);
        if (!rights.HasFlag(right))
        {
            throw Denied(store, rights.HasFlag(AccessRights.Read) ? right : AccessRights.Read);
        }

        return record;
    }

    /// <summary>The token of a header; null where there is none in it. Stock Nix can send one only as the password in a netrc file.</summary>
    private static string? TokenOf(string authorization)
    {
        if (authorization.StartsWith(BearerScheme, StringComparison.OrdinalIgnoreCase))
        {
            return authorization[BearerScheme.Length..].Trim();
        }

        var credentials = new byte[authorization.Length];
        if (!authorization.StartsWith(BasicScheme, StringComparison.OrdinalIgnoreCase)
            || !Convert.TryFromBase64String(authorization[BasicScheme.Length..].Trim(), credentials, out var length))
        {
            return null;
        }

        // Any user name will do.
        var text = Encoding.UTF8.GetString(credentials, 0, length);
        return text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..];
    }

    private static RpcException Denied(string store, AccessRights right) => new(new Status(
        StatusCode.PermissionDenied,
        right switch
        {
            AccessRights.Write => $"the token may read store '{store}' but not write to it",
            AccessRights.Build => $"the token may not build what other hosts want in store '{store}'",
            AccessRights.Administer => $"the token may not administer store '{store}'",
            _ => $"the token gives no access to a store '{store}'",
        }));
}
