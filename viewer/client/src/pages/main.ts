/**
 * What ordinary pages gain from script; every one of them works without it.
 */
import { copyButtons } from './copy';
import { followArrivals } from './arrivals';
import { drawMasks } from './masks';
import { menus } from './menus';
import { hideBroken } from './thumbnails';

copyButtons();
menus();
hideBroken(document);
followArrivals();
drawMasks();
document.querySelector('.strip [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
