using System.Net;
using System.Net.Http.Headers;
using System.Text;
using NixFuseStore.Server.Tests.Samples;
using NixFuseStore.Storage.Metadata;
using Xunit;

namespace NixFuseStore.Server.Tests.BinaryCache;

public abstract class CacheAccessTests(CacheTransport transport) : CacheTest(transport)
{
    [Fact]
    public async Task TokensMade_EachMayDoWhatItsRightsSay()
    {
        var (read, _) = await Server.CreateTokenAsync(AccessRights.Read, "main");
        var (write, _) = await Server.CreateTokenAsync(AccessRights.Read | AccessRights.Write, "main");
        await Eventually.HoldsAsync(async () => (await StatusesAsync(null)).Get == HttpStatusCode.Unauthorized);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Forbidden), await StatusesAsync(Basic(read)));
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.NoContent), await StatusesAsync(Basic(write)));
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.NoContent), await StatusesAsync(new AuthenticationHeaderValue("Bearer", write)));
        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized), await StatusesAsync(Basic("wrong")));
        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized), await StatusesAsync(new AuthenticationHeaderValue("Basic", "!")));
    }

    [Fact]
    public async Task NoToken_IsAskedForOneInAWayThatHttpClientsKnow()
    {
        await Server.CreateTokenAsync(AccessRights.Read, "main");
        using var cache = new CacheClient(Server);
        await Eventually.HoldsAsync(async () => await cache.HeadAsync("nix-cache-info") == HttpStatusCode.Unauthorized);
        using var response = await cache.SendAsync(HttpMethod.Get, "nix-cache-info");
        Assert.Contains(response.Headers.WwwAuthenticate, challenge => challenge.Scheme == "Basic");
    }

    [Fact]
    public async Task StoreThatIsNotThere_IsNotFound()
    {
        using var cache = new CacheClient(Server, store: "other");
        Assert.Equal(HttpStatusCode.NotFound, await cache.HeadAsync("nix-cache-info"));
    }

    private static AuthenticationHeaderValue Basic(string token) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("anybody:" + token)));

    private async Task<(HttpStatusCode Get, HttpStatusCode Put)> StatusesAsync(AuthenticationHeaderValue? authorization)
    {
        using var cache = new CacheClient(Server, authorization: authorization);
        return (await cache.HeadAsync("nix-cache-info"), (await cache.PutAsync("nix-cache-info", "StoreDir: /nix/store\n")).Status);
    }
}

public sealed class Http1CacheAccessTests() : CacheAccessTests(CacheTransport.Http1);

public sealed class Http2CacheAccessTests() : CacheAccessTests(CacheTransport.Http2);
