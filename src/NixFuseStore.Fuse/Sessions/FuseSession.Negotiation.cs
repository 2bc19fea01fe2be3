using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Sessions;

/// <summary>The handshake that begins a mount.</summary>
public sealed unsafe partial class FuseSession
{
    private const uint Major = 7;

    /// <summary>Newest version of the protocol whose structs are laid out here (Linux 6.18).</summary>
    private const uint MinorMax = 45;

    /// <summary>Oldest version with the INIT answer of 64 bytes (Linux 3.15).</summary>
    private const uint MinorMin = 23;

    private const FuseFeatures Wanted =
        FuseFeatures.AsyncRead
        | FuseFeatures.BigWrites
        | FuseFeatures.ReadDirectoryPlus
        | FuseFeatures.ReadDirectoryPlusAuto
        | FuseFeatures.AsyncDirectIo
        | FuseFeatures.NoOpenSupport
        | FuseFeatures.ParallelDirectoryOperations
        | FuseFeatures.AbortError
        | FuseFeatures.MaxPages
        | FuseFeatures.CacheSymlinks
        | FuseFeatures.NoOpenDirectorySupport
        | FuseFeatures.ExplicitInvalidateData
        | FuseFeatures.InitExtended
        | FuseFeatures.NoExportSupport
        | FuseFeatures.Resend;

    private readonly TaskCompletionSource<FuseConnection> _connection = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>
    /// What INIT agreed on, once it did. Never done if the mount ends before, so wait for <see cref="Completion"/> too.
    /// </summary>
    public Task<FuseConnection> Connection => _connection.Task;

    /// <summary>Answers INIT.</summary>
    internal void Negotiate(FuseResponder responder, in FuseInitIn offer)
    {
        var answer = new FuseInitOut { Major = Major, Minor = MinorMax };

        // 1. A newer major version is told ours and asks again; an older one there is no talking to.
        if (offer.Major > Major)
        {
            SendInit(responder, answer);
            return;
        }

        if (offer.Major < Major || offer.Minor < MinorMin)
        {
            responder.Error(Errno.EPROTO);
            return;
        }

        // 2. Take what both sides know. The high word counts only if the kernel says so.
        var offered = (FuseFeatures)offer.Flags;
        if (offered.HasFlag(FuseFeatures.InitExtended))
        {
            offered |= (FuseFeatures)((ulong)offer.FlagsHigh << 32);
        }

        var features = offered & Wanted;
        answer.Minor = Math.Min(offer.Minor, MinorMax);
        answer.Flags = (uint)features;
        answer.FlagsHigh = (uint)((ulong)features >> 32);

        // 3. Bounds. Writes never happen, but the kernel wants to hear of at least a page.
        answer.ReadAheadBytesMax = Math.Min(offer.ReadAheadBytesMax, _options.ReadAheadBytesMax);
        answer.BackgroundRequestsMax = _options.BackgroundRequestsMax;
        answer.CongestionThreshold = _options.CongestionThreshold;
        answer.WriteBytesMax = 4096;
        answer.TimeGranularity = 1;
        answer.PagesMax = (ushort)(FuseLimits.ReadBytesMax / Environment.SystemPageSize);

        if (SendInit(responder, answer))
        {
            _connection.TrySetResult(new FuseConnection(answer.Minor, features, answer.ReadAheadBytesMax));
        }
    }

    private static bool SendInit(FuseResponder responder, FuseInitOut answer) =>
        responder.Bytes(new ReadOnlySpan<byte>(&answer, sizeof(FuseInitOut)));
}
