using System.Collections.Concurrent;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using NixFuseStore.Protocol;
using NixFuseStore.Protocol.Grpc;

namespace NixFuseStore.Client.Tests.Fixtures;

/// <summary>Speaks the protocol, and says whatever a test wants it to say.</summary>
internal sealed class LyingServer : IAsyncDisposable
{
    private readonly WebApplication _application;

    private LyingServer(WebApplication application)
    {
        _application = application;
    }

    public Uri Address { get; private set; } = null!;

    /// <summary>Answers of each method: all its messages, or a status.</summary>
    public ConcurrentDictionary<string, Func<IEnumerable<IMessage>>> Answers { get; } = new();

    public static async Task<LyingServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        var server = new LyingServer(builder.Build());
        server._application.Run(server.AnswerAsync);
        await server._application.StartAsync(ReaderExtensions.Token);
        server.Address = new Uri(server._application.Urls.First());
        server.Answers[StoreMethods.GetStore] = static () => [new GetStoreResponse { StoreDirectory = "/nix/store", StoreId = ByteString.CopyFrom(new byte[16]) }];
        server.Answers[StoreMethods.Substitute] = static () => [new SubstituteResponse()];
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(new CancellationToken(canceled: true));
        await _application.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var response = context.Response;
        response.ContentType = GrpcWire.ContentType;
        response.DeclareTrailer("grpc-status");
        response.DeclareTrailer("grpc-message");
        var status = StatusCode.OK;
        if (Answers.TryGetValue(context.Request.Path, out var answers))
        {
            try
            {
                foreach (var message in answers())
                {
                    await response.BodyWriter.WriteAsync(GrpcWire.Frame(message), context.RequestAborted);
                }
            }
            catch (RpcException e)
            {
                status = e.StatusCode;
                response.AppendTrailer("grpc-message", GrpcWire.EncodeMessage(e.Detail));
            }
        }
        else
        {
            status = StatusCode.Unimplemented;
        }

        if (!response.HasStarted)
        {
            await response.StartAsync(context.RequestAborted);
        }

        response.AppendTrailer("grpc-status", ((int)status).ToString(System.Globalization.CultureInfo.InvariantCulture));
    }
}
