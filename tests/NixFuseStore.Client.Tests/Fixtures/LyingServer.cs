using System.Buffers.Binary;
using System.Collections.Concurrent;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using NixFuseStore.Protocol;

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

    /// <summary>Answers of each method by its name: all its messages, or a status.</summary>
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
        server.Answers["GetStore"] = static () => [new GetStoreResponse { StoreDirectory = "/nix/store", StoreId = ByteString.CopyFrom(new byte[16]) }];
        server.Answers["Substitute"] = static () => [new SubstituteResponse()];
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync(new CancellationToken(canceled: true));
        await _application.DisposeAsync();
    }

    /// <summary>A message as gRPC lays it out: five bytes before it, not compressed, and its length.</summary>
    private static byte[] Frame(IMessage message)
    {
        var bytes = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(1), bytes.Length - 5);
        message.WriteTo(bytes.AsSpan(5));
        return bytes;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var response = context.Response;
        response.ContentType = "application/grpc";
        response.DeclareTrailer("grpc-status");
        response.DeclareTrailer("grpc-message");
        var status = StatusCode.OK;
        if (Answers.TryGetValue(Path.GetFileName(context.Request.Path.Value!), out var answers))
        {
            try
            {
                foreach (var message in answers())
                {
                    await response.BodyWriter.WriteAsync(Frame(message), context.RequestAborted);
                }
            }
            catch (RpcException e)
            {
                status = e.StatusCode;
                response.AppendTrailer("grpc-message", Uri.EscapeDataString(e.Status.Detail));
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
