#include <stdio.h>
#include "words.h"

int main(void)
{
    int count = count_words();
    printf("%d words\n", count);
    return count < 0;
}
