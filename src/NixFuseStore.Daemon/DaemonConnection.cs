using NixFuseStore.Daemon.Building;
using NixFuseStore.Daemon.Operations;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Daemon.Wire;

namespace NixFuseStore.Daemon;

/// <summary>Serves one client until it or the server goes.</summary>
/// <remarks>
/// Errors have three scopes. What the store refuses fails the operation, and the connection goes on, once the rest of the request has
/// been read. A request that is ill-formed is answered with an error, and the connection ends, since it is not known where the next
/// request begins; within frames one can. When the transport fails there is no client to tell.
/// </remarks>
internal sealed class DaemonConnection(ITransport transport, DaemonServices services, DaemonPeer peer)
{
    // Stock daemons answer failed builds so; old clients exit with it.
    private const int FailedBuildStatus = 100;

    private static int _connections;

    // Tells connections apart in a trace.
    private readonly int _number = Interlocked.Increment(ref _connections);

    /// <summary>Runs until the connection ends, however it does. Never fails.</summary>
    /// <param name="refusal">Told to the client instead of serving it; null to serve it.</param>
    /// <param name="ended">Cancels what is under way when the client has gone or the server ends.</param>
    internal async Task RunAsync(string? refusal, CancellationToken ended)
    {
        using var session = new DaemonSession(transport, services, peer, ended);
        try
        {
            transport.IsIdle = false;
            if (await Handshake.RunAsync(session, refusal))
            {
                await ServeAsync(session);
            }
        }
        catch (WireException)
        {
            // A handshake that is none.
        }
        catch (Exception e) when (IsEnd(e, ended))
        {
            // The client has gone, or is told to.
        }
#pragma warning disable CA1031 // One connection must not take down the others.
        catch (Exception e)
#pragma warning restore CA1031
        {
            services.Options.Notice($"a connection to the Nix daemon socket ended by an internal error: {Describe(e)}");
        }
    }

    private async ValueTask ServeAsync(DaemonSession session)
    {
        while (true)
        {
            transport.IsIdle = true;
            if (!await session.Reader.HasMoreAsync())
            {
                return;
            }

            transport.IsIdle = false;
            session.BeginRequest();
            bool usable = await ServeRequestAsync(session);
            session.EndRequest();
            await session.Writer.FlushAsync();
            if (!usable)
            {
                return;
            }
        }
    }

    private async ValueTask<bool> ServeRequestAsync(DaemonSession session)
    {
        ulong number = await session.Reader.ReadNumberAsync();
        using var trace = OperationTrace.Begin(services.Options, _number, number);
        try
        {
            await OperationTable.Find(number)(session);
            return true;
        }
        catch (DaemonStoreException e)
        {
            return await FailAsync(session, e.Message, exitStatus: 1, resume: true);
        }
        catch (BuildFailedException e)
        {
            return await FailAsync(session, e.Message, FailedBuildStatus, resume: true);
        }
        catch (AbandonedRequestException) when (session.Data is FramedData)
        {
            // The client has an error of its own to tell, and throws the connection away. It would print an error of ours beside that; but
            // it gets no reply either, so that no client can take this for success.
            session.Log.Last();
            return false;
        }
        catch (AbandonedRequestException e)
        {
            return await FailAsync(session, e.Message, exitStatus: 1, resume: false);
        }
        catch (WireException e)
        {
            return await FailAsync(session, e.Message, exitStatus: 1, resume: session.Data is FramedData);
        }
        catch (Exception e) when (!IsEnd(e, session.Ended))
        {
            services.Options.Notice($"operation {number} of the Nix daemon socket failed unexpectedly: {Describe(e)}");
            return await FailAsync(session, $"internal error in operation {number}: {e.Message}", exitStatus: 1, resume: false);
        }
    }

    // Errors go out before the rest of the request is read: clients look for them while they send.
    private static async ValueTask<bool> FailAsync(DaemonSession session, string message, int exitStatus, bool resume)
    {
        if (session.HasReplied)
        {
            return false;
        }

        session.Log.Error(message, exitStatus);
        await session.Writer.FlushAsync();
        return resume && (session.Data is null || await session.Data.SkipAsync());
    }

    // One line for the log: such a failure is a mistake of this program.
    private static string Describe(Exception e) => $"{e.GetType().Name}: {e.Message}";

    private static bool IsEnd(Exception e, CancellationToken ended) =>
        e is ConnectionEndedException || (e is OperationCanceledException && ended.IsCancellationRequested);
}
