/**
 * What ordinary pages gain from script; every one of them works without it.
 */
import { drawBox } from './box';
import { copyButtons } from './copy';
import { followArrivals } from './arrivals';
import { countChosen } from './choose';
import { editor } from './editor';
import { drawMasks } from './masks';
import { menus } from './menus';
import { askForPasskey } from './passkeys';
import { applyFilters, copyTexts } from './public';
import { rememberReading } from './reading';
import { hideBroken } from './thumbnails';
import { toasts } from './toasts';

copyButtons();
copyTexts();
applyFilters();
menus();
hideBroken(document);
askForPasskey();
followArrivals();
countChosen();
editor();
drawMasks();
drawBox();
rememberReading();
toasts();
document.querySelector('.strip [aria-current], .admin .subnav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
