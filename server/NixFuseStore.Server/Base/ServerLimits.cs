using NixFuseStore.Server.Transfers;

namespace NixFuseStore.Server.Base;

/// <summary>The bounds within which a server process works; together they bound its memory.</summary>
internal sealed record ServerLimits
{
    /// <summary>The largest gRPC message taken, in bytes.</summary>
    public int MessageBytesMax { get; init; } = 64 << 20;

    /// <summary>No deadline is longer; calls without one have none.</summary>
    public TimeSpan DeadlineMax { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Messages of a streamed answer gather about this many bytes.</summary>
    public int StreamBatchBytes { get; init; } = 512 << 10;

    /// <summary>Paths of one closure at most, whatever is asked for.</summary>
    public int ClosurePathsMax { get; init; } = 100_000;

    /// <summary>Paths of one query at most.</summary>
    public int QueryPathsMax { get; init; } = 1_000;

    /// <summary>Sections of one request at most.</summary>
    public int SectionsMax { get; init; } = 65_536;

    /// <summary>Paths of one report of use at most.</summary>
    public int UsePathsMax { get; init; } = 1_000;

    /// <summary>Runs of chunks of one path in a report of use at most.</summary>
    public int UseRunsMax { get; init; } = 16_384;

    /// <summary>Chunk ids of one query at most.</summary>
    public int ChunkQueryMax { get; init; } = 65_536;

    /// <summary>Paths of one registration at most.</summary>
    public int RegisterPathsMax { get; init; } = 10_000;

    /// <summary>Plain bytes of one manifest section at most.</summary>
    public int SectionBytesMax { get; init; } = 256 << 20;

    /// <summary>Chunks of one data plane request at most.</summary>
    public int ReadChunksMax { get; init; } = 1 << 20;

    /// <summary>Body of a read request at most, in bytes.</summary>
    public int ReadRequestBytesMax { get; init; } = 4 << 20;

    /// <summary>One read from a pack at most, in bytes; a request holds two of them.</summary>
    public int ReadRunBytes { get; init; } = 512 << 10;

    /// <summary>Requests for chunks that are answered at once; others wait their turn.</summary>
    public int ReadRequestsMax { get; init; } = 256;

    /// <summary>Such requests of one principal at once.</summary>
    public int ReadShare { get; init; } = 192;

    /// <summary>Uploads that are taken at once; others wait their turn.</summary>
    public int UploadRequestsMax { get; init; } = 32;

    /// <summary>Uploads of one principal at once.</summary>
    public int UploadShare { get; init; } = 24;

    /// <summary>The least rate of an upload to a binary cache.</summary>
    public TransferRate UploadRate { get; init; } = new(4096, TimeSpan.FromSeconds(15));

    /// <summary>The least rate of a NAR that a mount adds: it comes as fast as another program writes it.</summary>
    public TransferRate AddingRate { get; init; } = new(64, TimeSpan.FromSeconds(60));

    /// <summary>The least rate of a download.</summary>
    public TransferRate DownloadRate { get; init; } = new(4096, TimeSpan.FromSeconds(15));

    /// <summary>A transfer whose peer does nothing for so long gives its place to one that waits for a place.</summary>
    public TimeSpan StalledAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The same of an upload, which may come from a program that works on it.</summary>
    public TimeSpan UploadStalledAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Chunks of an upload are stored together in groups of about this many bytes; an upload holds two groups.</summary>
    public int UploadGroupBytes { get; init; } = 4 << 20;

    /// <summary>Plain bytes of chunks that are cut here and go on together to be compressed and stored, about.</summary>
    public int CutGroupBytes { get; init; } = 3 << 20;

    /// <summary>
    /// Such groups that are being compressed and stored, over all NARs, besides one of each NAR; each takes its memory twice. It takes a
    /// disk and a database some time to make a group durable, and who has more of them under way waits less for that.
    /// </summary>
    public int CutGroupsMax { get; init; } = 12;

    /// <summary>Chunks whose places are remembered, over all manifests.</summary>
    public int RememberedLocationsMax { get; init; } = 1 << 20;

    /// <summary>Rows of valid paths that are remembered for the binary cache, in bytes, about.</summary>
    public long RememberedPathBytes { get; init; } = 64 << 20;

    /// <summary>Rendered .narinfo files that are remembered, in bytes, about.</summary>
    public long RememberedNarInfoBytes { get; init; } = 64 << 20;

    /// <summary>Parts of compressed NARs that had to be compressed anew and are remembered, in bytes over all NARs.</summary>
    public long RememberedNarBytes { get; init; } = 256 << 20;

    /// <summary>Of one NAR, no more than this is remembered, in bytes.</summary>
    public int RememberedNarBytesEach { get; init; } = 32 << 20;

    /// <summary>NARs that are put together at once; others wait their turn.</summary>
    public int NarDownloadsMax { get; init; } = 128;

    /// <summary>Such downloads of one principal at once.</summary>
    public int NarDownloadShare { get; init; } = 96;

    /// <summary>The largest .ls file taken, in bytes; it is thrown away.</summary>
    public int ListingBytesMax { get; init; } = 256 << 20;

    /// <summary>The largest .narinfo or realisation taken, in bytes: 100,000 references fit.</summary>
    public int NarInfoBytesMax { get; init; } = 32 << 20;

    /// <summary>How long an uploaded NAR waits for its .narinfo.</summary>
    public TimeSpan NarFileLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Registrations that are verified at the same time: each keeps a core busy.</summary>
    public int VerificationsMax { get; init; } = Math.Max(2, Environment.ProcessorCount);

    /// <summary>Registrations that hold decoded manifests at the same time; others wait their turn.</summary>
    public int RegistrationsMax { get; init; } = 8;

    /// <summary>Plain bytes of all manifest sections of one registration at most.</summary>
    public int RegistrationBytesMax { get; init; } = 256 << 20;

    /// <summary>A silent Watch is told so often that its server is there: more often than clients send pings on silent connections (10 s), which are saved so.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>How long calls may go on once the server was told to stop.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(5);
}
