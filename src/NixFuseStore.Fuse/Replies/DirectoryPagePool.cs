namespace NixFuseStore.Fuse.Replies;

/// <summary>Keeps a few directory pages, so that listings neither allocate nor zero memory.</summary>
internal static class DirectoryPagePool
{
    private const int PagesMax = 8;

    // Kernels ask for 4 KiB to 128 KiB; anything smaller gets a page of this size too, so that pages fit one another's requests.
    private const int PageBytesMin = 128 << 10;

    private static readonly Lock Gate = new();
    private static readonly DirectoryPage?[] Pages = new DirectoryPage?[PagesMax];

    public static DirectoryPage Rent(int bytes)
    {
        lock (Gate)
        {
            for (var i = 0; i < Pages.Length; i++)
            {
                if (Pages[i] is { } page && page.Room >= bytes)
                {
                    Pages[i] = null;
                    return page;
                }
            }
        }

        return new DirectoryPage(Math.Max(bytes, PageBytesMin));
    }

    public static void Return(DirectoryPage page)
    {
        lock (Gate)
        {
            var free = Array.IndexOf(Pages, null);
            if (free >= 0)
            {
                Pages[free] = page;
                return;
            }
        }

        page.Free();
    }
}
